import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";
import type { Bench } from "../bench.js";
import { importing } from "../import.js";
import { library } from "../library.js";
import { openClose } from "../open-close.js";
import type { Result } from "../result.js";
import { startUp } from "../start-up.js";
import { summarise } from "../summary.js";
import { found, headingOf, type Samples } from "./fixtures.js";

const main = `${packageRoot}/dist/bench/main.js`;

function run(...args: readonly string[]): Promise<{ status: number; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (_error, stdout) =>
      resolve({ status: child.exitCode ?? -1, stdout }),
    );
  });
}

/** What a benchmark makes of these medians, by program. */
function resultOf(bench: Bench, samples: Readonly<Record<string, Samples>>): Result {
  const programs = Object.entries(samples).map(([name, own]) => {
    const { program, rounds } = found(name, own);
    return { program: { ...program, judged: true }, rounds };
  });
  return summarise(bench, headingOf(programs), programs);
}

describe("npm run bench", () => {
  it("lists the benchmarks at --help, and for a name that is unknown", async () => {
    const { status, stdout } = await run("--help");
    assert.equal(status, 0);
    for (const { name, description } of [startUp, library, importing, openClose]) {
      assert.ok(stdout.includes(`${name.padEnd(10)}  ${description}`), name);
    }
    assert.deepEqual(await run("library2"), { status: 1, stdout });
  });

  for (const args of [["start-up"], ["import"], ["library", "--only=status-1000"]] as const) {
    it(`measures every figure of every program: ${args.join(" ")}`, async function () {
      this.timeout(300_000);
      const { stdout } = await run(...args, "--rounds=1", "--json");
      const { programs, figures, goals }: Result = JSON.parse(stdout);
      assert.deepEqual(
        programs.map(({ failures }) => failures),
        programs.map(() => []),
      );
      assert.ok(figures.length > 0 && goals.length > 0);
      for (const { id, programs: own } of figures) {
        for (const { name } of programs) assert.ok((own[name]?.median ?? 0) > 0, `${id}, ${name}`);
      }
    });
  }
});

describe("the goals of start-up", () => {
  const at = (ffi: number) =>
    resultOf(startUp, {
      "node -e 0": { "start-foreground": [40] },
      executable: { "start-foreground": [10] },
      exec: { "start-foreground": [75] },
      ffi: { "start-foreground": [ffi] },
    });

  it("are one and a half times what Node.js and the executable take", () => {
    assert.deepEqual(
      at(75).goals.map(({ reached }) => reached),
      [true, true],
    );
    assert.match(at(76).goals[1]?.sentence ?? "", /^ffi takes 1\.52 times /);
    assert.equal(at(76).goals[1]?.reached, false);
  });

  it("decide whether it passed", () => {
    assert.equal(at(75).passed, true);
    assert.equal(at(76).passed, false);
  });
});

describe("the goals of library", () => {
  it("are shares of what wg takes, and of the first time", () => {
    const { goals } = resultOf(library, {
      wg: { "status-1000": [10], "apply-1000": [100] },
      exec: { "status-1000": [5], "apply-1000": [110], "apply-1000-again": [11] },
      ffi: { "status-1000": [6], "apply-1000": [111], "apply-1000-again": [12] },
    });
    assert.deepEqual(
      goals.map(({ reached }) => reached),
      [true, true, true, false, false, false],
    );
    assert.match(goals[3]?.sentence ?? "", /^ffi: status, 1,000 peers, takes 0\.600 of wg; /);
  });
});

describe("the goal of import", () => {
  it("is 15 ms more than an empty module", () => {
    const at = (time: number) =>
      resultOf(importing, { "empty module": { import: [2] }, "wg-bridge": { import: [time] } });
    assert.deepEqual([at(17).passed, at(17.1).passed], [true, false]);
    assert.match(at(17.1).goals[0]?.sentence ?? "", /^wg-bridge takes 15\.1 ms more; /);
  });
});
