import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { type BenchOptions, bench } from "../../tunnels/bench.js";

/** A probe that answers as its program's name says. */
const script = `
const visit = JSON.parse(process.argv[2]);
const tell = (finding) => console.log(JSON.stringify(finding));
const found = (value) => tell({ kind: "found", id: "start", value });
const [program] = visit.command;
if (program === "/env") found(Number(visit.env.VALUE));
if (program === "/chatty") {
  process.stderr.write("warning\\n");
  found(visit.seconds);
  console.log("bye");
}
if (program === "/dying") {
  tell({ kind: "doing", leg: "start", what: "two tunnels" });
  found(1);
  tell({ kind: "doing", leg: "ping", what: "two tunnels" });
  console.error("something");
  console.error("\\u001b[31mout of luck\\u001b[0m");
  process.exit(3);
}
if (program === "/lasting") {
  tell({ kind: "doing", leg: "start", what: "waiting for ever" });
  setInterval(() => {}, 1000);
}
`;

describe("bench", () => {
  onlyInSandbox();

  let directory: string;
  let shown: string;

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/bench-`);
    writeFileSync(`${directory}/probe.js`, script);
  });

  beforeEach(() => {
    shown = "";
  });

  after(() => rmSync(directory, { recursive: true }));

  function benchPrograms(names: readonly string[], options: Partial<BenchOptions> = {}) {
    return bench({
      programs: names.map((name) => ({
        name,
        command: [`/${name}`],
        env: { VALUE: "7" },
        host: null,
        judged: true,
      })),
      rounds: 1,
      seconds: 5,
      legs: ["start", "ping", "handshakes"],
      probe: [process.execPath, `${directory}/probe.js`],
      env: process.env,
      progress: {
        write: (text) => {
          shown += text;
        },
      },
      signal: new AbortController().signal,
      ...options,
    });
  }

  it("takes what the probe finds, whatever else is printed", async () => {
    const { figures, programs } = await benchPrograms(["chatty", "env"]);
    assert.deepEqual(
      programs.flatMap(({ failures }) => failures),
      [],
    );
    assert.equal(figures[0]?.programs.env?.median, 7);
    assert.equal(figures[0]?.programs.chatty?.median, 5);
  });

  it("gives every program its turn in every round, each round from another beginning and every other one backwards", async () => {
    const { figures } = await benchPrograms(["env", "b", "c"], { rounds: 4 });
    assert.deepEqual(figures[0]?.programs.env?.samples, [7, 7, 7, 7]);
    assert.deepEqual(
      [...shown.matchAll(/round (\d) of 4, (\w+)/g)].map(([, round, name]) => `${round}${name}`),
      ["1env", "1b", "1c", "2b", "2env", "2c", "3c", "3env", "3b", "4env", "4c", "4b"],
    );
  });

  it("tells the last words of a probe that died, for each leg that it had not done, and goes on", async () => {
    const { programs, figures } = await benchPrograms(["dying", "env"], { rounds: 2 });
    const because = "The sandbox ended with 3: out of luck";
    assert.deepEqual(programs[0]?.failures, [
      { leg: "ping", because, rounds: 2 },
      { leg: "handshakes", because, rounds: 2 },
    ]);
    assert.deepEqual(figures[0]?.programs.dying?.samples, [1, 1]);
    assert.deepEqual(figures[0]?.programs.env?.samples, [7, 7]);
  });

  it("ends with the signal's reason, and takes the sandbox along", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const write = (text: string) => {
      if (text.includes("waiting for ever")) controller.abort(reason);
    };
    const progress = { isTTY: true, write };
    const env = { ...process.env, TERM: "xterm" };
    const ended = benchPrograms(["lasting"], { env, progress, signal: controller.signal });
    await assert.rejects(ended, reason);
  });
});
