import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Environment } from "../../src/artifacts.js";
import { onlyInSandbox } from "../../test/sandbox.js";
import { programOf } from "../bench.js";
import { Progress } from "../report/progress.js";
import { runRounds } from "../rounds.js";
import { turnInSandbox } from "../sandbox/sandbox.js";
import { tunnels } from "../tunnels/tunnels.js";

/** A stand-in for the process that runs a turn inside a sandbox: it behaves as its program's name says. */
const script = `
const turn = JSON.parse(process.argv[3]);
const report = (finding) => console.log("\\u001e" + JSON.stringify(finding));
const found = (value) => report({ kind: "found", id: "start", value });
const [program] = turn.program.command;
if (program === "/env") found(Number(turn.program.env.VALUE));
if (program === "/chatty") {
  process.stderr.write("warning\\n");
  found(turn.seconds);
  console.log(JSON.stringify({ kind: "found", id: "handshakes", value: 1 }));
}
if (program === "/dying") {
  report({ kind: "doing", leg: "start", what: "two tunnels" });
  found(1);
  report({ kind: "doing", leg: "ping", what: "two tunnels" });
  console.error("something");
  console.error("\\u001b[31mout of luck\\u001b[0m");
  process.exit(3);
}
if (program === "/lasting") {
  report({ kind: "doing", leg: "start", what: "waiting for ever" });
  setInterval(() => {}, 1000);
}
`;

describe("a benchmark", () => {
  onlyInSandbox();

  let directory: string;
  let shown: string;

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/bench-`);
    writeFileSync(`${directory}/inside.js`, script);
  });

  beforeEach(() => {
    shown = "";
  });

  after(() => rmSync(directory, { recursive: true }));

  interface Options {
    readonly rounds?: number;
    readonly env?: Environment;
    readonly output?: { readonly isTTY?: boolean; write(text: string): unknown };
    readonly signal?: AbortSignal;
  }

  function run(names: readonly string[], options: Options = {}) {
    const { rounds = 1, env = process.env, signal = new AbortController().signal } = options;
    const write = (text: string) => {
      shown += text;
    };
    const inside = [process.execPath, `${directory}/inside.js`];
    return runRounds(
      {
        ...tunnels,
        measure: (turn, reporter, context) =>
          turnInSandbox("tunnels", turn, reporter, context, inside),
      },
      {
        programs: names.map((name) => ({
          name,
          command: [`/${name}`],
          env: { VALUE: "7" },
          host: null,
          judged: true,
        })),
        rounds,
        seconds: 5,
        legs: ["start", "ping", "handshakes"],
        env,
        progress: new Progress(options.output ?? { write }, env, names.length * rounds),
        signal,
      },
    );
  }

  it("reads what a turn finds, whatever else is printed", async () => {
    const { figures, programs } = await run(["chatty", "env"]);
    assert.deepEqual(
      programs.flatMap(({ failures }) => failures),
      [],
    );
    assert.deepEqual(
      figures.map(({ id }) => id),
      ["start"],
    );
    assert.equal(figures[0]?.programs.env?.median, 7);
    assert.equal(figures[0]?.programs.chatty?.median, 5);
  });

  it("runs every program once in every round, each round with another one first and every other round backwards", async () => {
    const { figures } = await run(["env", "b", "c"], { rounds: 4 });
    assert.deepEqual(figures[0]?.programs.env?.samples, [7, 7, 7, 7]);
    assert.deepEqual(
      [...shown.matchAll(/✓ (\w+) (\d) of 4/g)].map(([, name, round]) => `${round}${name}`),
      ["1env", "1b", "1c", "2b", "2env", "2c", "3c", "3env", "3b", "4env", "4c", "4b"],
    );
  });

  it("reports the last line of a turn that died for each of its remaining legs, and continues", async () => {
    const { programs, figures, passed } = await run(["dying", "env"], { rounds: 2 });
    const failure = {
      because: "The sandbox ended with 3: out of luck",
      output: [],
      rounds: [1, 2],
    };
    assert.deepEqual(programs[0]?.failures, [
      { leg: "ping", ...failure },
      { leg: "handshakes", ...failure },
    ]);
    assert.equal(programs[0]?.roundsPassed, 0);
    assert.equal(passed, false);
    assert.deepEqual(figures[0]?.programs.dying?.samples, [1, 1]);
    assert.deepEqual(figures[0]?.programs.env?.samples, [7, 7]);
  });

  it("rejects with the signal's reason, and ends the sandbox", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const write = (text: string) => {
      if (text.includes("waiting for ever")) controller.abort(reason);
    };
    const env = { ...process.env, TERM: "xterm" };
    const output = { isTTY: true, write };
    const ended = run(["lasting"], { env, output, signal: controller.signal });
    await assert.rejects(ended, reason);
  });
});

describe("further rounds", () => {
  const names = ["upstream", "exec", "ffi"];

  /** Runs six rounds; ffi's ping differs from exec's in as many as it is told. Returns the turns of the further ones. */
  async function furtherTurns(maxRounds: number, differing: number) {
    const turns: string[] = [];
    let turn = 0;
    const result = await runRounds(
      {
        ...tunnels,
        measure: async ({ program, legs }, reporter) => {
          const round = Math.floor(turn++ / names.length);
          if (round >= 6) turns.push(`${program.name} ${legs.join(",")}`);
          const isOff = program.name === "ffi" && round < differing;
          if (legs.includes("tcp")) reporter.found("tcp-1420-1-up", 1);
          reporter.found("ping-load-p99", isOff ? 2 ** (round % 2 === 0 ? 1 : -1) : 1);
        },
      },
      {
        programs: names.map((name) => programOf(name, [name])),
        ...{ rounds: 6, maxRounds, seconds: 1, legs: ["tcp", "ping"], env: {} },
        progress: new Progress({ write: () => true }, {}, 18),
        signal: new AbortController().signal,
      },
    );
    return { turns, result };
  }

  it("are none if the first ones decide", async () => {
    assert.deepEqual((await furtherTurns(15, 0)).turns, []);
  });

  it("are of exec and ffi, in the legs that are undecided, until they are decided", async () => {
    const { turns, result } = await furtherTurns(15, 2);
    const pair = ["exec ping", "ffi ping"];
    assert.deepEqual(turns, [...pair, ...pair.toReversed(), ...pair]);
    assert.deepEqual(
      result.programs.map(({ rounds, roundsPassed }) => [rounds, roundsPassed]),
      [
        [6, 6],
        [9, 9],
        [9, 9],
      ],
    );
    const verdicts = result.figures.map(({ ffiToExec }) => ffiToExec?.verdict);
    assert.deepEqual(verdicts, ["within", "within"]);
    assert.equal(result.rounds, 6);
    assert.equal(result.passed, true);
  });

  it("end with the last one, undecided", async () => {
    const { turns, result } = await furtherTurns(8, 6);
    assert.equal(turns.length, 4);
    assert.equal(result.figures.at(-1)?.ffiToExec?.verdict, "undecided");
  });
});
