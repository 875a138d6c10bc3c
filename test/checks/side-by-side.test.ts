import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Check, Job } from "./check.js";
import { type Outcome, oneFailed, onePassed } from "./outcome.js";
import { type Lanes, lanesFor, SideBySide } from "./side-by-side.js";

const endless = new AbortController().signal;

// Node.js's own switch would have to be given to every process of the unit tests.
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Jobs that end when the test says so. */
class Jobs {
  readonly started: string[] = [];
  readonly #ends = new Map<string, (outcome: Outcome) => void>();

  job(name: string, options: Partial<Job> = {}): Job {
    const run = () => {
      this.started.push(name);
      return new Promise<Outcome>((resolve) => this.#ends.set(name, resolve));
    };
    return { name, needsSandbox: false, isBusy: false, run, ...options };
  }

  /** Ends a job, and lets the lanes go on. */
  async end(name: string, outcome = onePassed): Promise<void> {
    this.#ends.get(name)?.(outcome);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("checks side by side", () => {
  let jobs: Jobs;
  let ended: [name: string, outcome: Outcome][];
  beforeEach(() => {
    jobs = new Jobs();
    ended = [];
  });

  function sideBySide(checks: readonly Check[], lanes: Lanes, obstacle?: string): SideBySide {
    return new SideBySide(checks, {
      lanes,
      obstacle,
      limit: 60_000,
      onEnd: ({ name }, outcome) => ended.push([name, outcome]),
    });
  }
  const checkOf = (name: string, ...parts: Job[]): Check => ({ name, jobs: parts });
  const single = (name: string, options: Partial<Job> = {}): Check =>
    checkOf(name, jobs.job(name, options));

  it("start in order, as many as there are lanes, and the next as soon as one ends", async () => {
    const run = sideBySide(
      ["a", "b", "c", "d"].map((name) => single(name)),
      { all: 2, busy: 0 },
    );
    const result = run.run(endless);
    assert.deepEqual(jobs.started, ["a", "b"]);
    await jobs.end("b");
    assert.deepEqual(jobs.started, ["a", "b", "c"]);
    await jobs.end("c");
    await jobs.end("d");
    await jobs.end("a");
    assert.equal((await result).passed, 4);
    assert.deepEqual(
      ended.map(([name]) => name),
      ["b", "c", "d", "a"],
    );
  });

  it("keep busy jobs in the lanes for them, while others wait", async () => {
    const busy = { isBusy: true };
    const checks = [single("a", busy), single("b", busy), single("c", busy), single("d")];
    const result = sideBySide(checks, { all: 2, busy: 1 }).run(endless);
    assert.deepEqual(jobs.started, ["a", "d"]);
    await jobs.end("a");
    assert.deepEqual(jobs.started, ["a", "d", "b"]);
    // Nothing is left that waits: rather a second busy job than an empty lane.
    await jobs.end("d");
    assert.deepEqual(jobs.started, ["a", "d", "b", "c"]);
    await jobs.end("b");
    await jobs.end("c");
    assert.equal((await result).passed, 4);
  });

  it("report a check once, after its last job, with its failures in the jobs' order", async () => {
    const check = checkOf("all", jobs.job("a"), jobs.job("b"), jobs.job("c"));
    const result = sideBySide([check], { all: 3, busy: 0 }).run(endless);
    await jobs.end("c", oneFailed("c's\ntwo lines\n"));
    await jobs.end("a", oneFailed("a's\n"));
    assert.deepEqual(ended, []);
    await jobs.end("b");
    assert.deepEqual(ended, [
      ["all", { passed: 1, failed: 2, skips: [], details: "a's\nc's\ntwo lines\n" }],
    ]);
    assert.equal((await result).failed, 2);
  });

  it("fail if a job crashes, and go on with the others", async () => {
    const crash = { run: () => Promise.reject(new Error("spawn ENOENT")) };
    const checks = [single("a", crash), single("b")];
    const result = sideBySide(checks, { all: 1, busy: 1 }).run(endless);
    await jobs.end("nothing, but a turn");
    await jobs.end("b");
    const { passed, failed, details } = await result;
    assert.deepEqual([passed, failed], [1, 1]);
    assert.match(details, /^a: Error: spawn ENOENT\n$/);
  });

  it("are skipped with the reason if they need the sandbox and there is none", async () => {
    const result = sideBySide(
      [single("a", { needsSandbox: true })],
      { all: 1, busy: 0 },
      "no namespaces",
    ).run(endless);
    assert.deepEqual((await result).skips, [{ test: "a", reason: "no namespaces" }]);
    assert.deepEqual(jobs.started, []);
  });

  /** A job that runs until its signal aborts. */
  function hanging(name: string): Check {
    const run = (signal: AbortSignal) => {
      jobs.started.push(name);
      assert.equal(signal.aborted, false);
      return new Promise<Outcome>((resolve) => {
        signal.addEventListener("abort", () => resolve(oneFailed(`${signal.reason}\n`)));
      });
    };
    return single(name, { run });
  }

  it("end each job at a limit of its own", async () => {
    const checks = [hanging("a"), hanging("b")];
    const onEnd = () => {};
    const run = new SideBySide(checks, { lanes: { all: 1, busy: 0 }, limit: 1, onEnd });
    const { failed, details } = await run.run(endless);
    assert.equal(failed, 2);
    assert.equal(details, "Error: it took longer than 0.001 s\n".repeat(2));
  });

  it("end at their limit also when nothing but the limit refers to them", async () => {
    const collector = setInterval(collectGarbage, 1);
    const onEnd = () => {};
    const run = new SideBySide([hanging("a")], { lanes: { all: 1, busy: 0 }, limit: 50, onEnd });
    const { failed } = await run.run(endless);
    clearInterval(collector);
    assert.equal(failed, 1);
  });

  it("end at once if the run is interrupted, and what did not start has failed", async () => {
    const interrupted = new AbortController();
    const run = sideBySide([hanging("a"), hanging("b"), hanging("c")], { all: 2, busy: 0 });
    const result = run.run(interrupted.signal);
    interrupted.abort(new Error("SIGINT"));
    const { failed, details } = await result;
    assert.deepEqual(jobs.started, ["a", "b"]);
    assert.equal(failed, 3);
    assert.equal(details, "Error: SIGINT\nError: SIGINT\nc: Error: SIGINT\n");
  });

  it("say what runs, how long, and how far a check with several jobs has come", async () => {
    const checks = [
      single("soak"),
      checkOf("files", jobs.job("x/y"), jobs.job("z")),
      single("late"),
    ];
    const run = sideBySide(checks, { all: 3, busy: 0 });
    const result = run.run(endless);
    await jobs.end("x/y");
    assert.match(run.running(), /^soak \d+ s, files 1 of 2 \(z \d+ s\), late \d+ s$/);
    for (const name of ["soak", "z", "late"]) await jobs.end(name);
    await result;
    assert.equal(run.running(), "");
  });
});

describe("the number of lanes", () => {
  it("follows from that of the processors, with a busy one on the smallest machine", () => {
    assert.deepEqual(lanesFor(1), { all: 3, busy: 1 });
    assert.deepEqual(lanesFor(8), { all: 24, busy: 8 });
  });
});
