import assert from "node:assert/strict";
import type { Bench } from "../bench.js";
import { importing } from "../import.js";
import { library } from "../library.js";
import type { Result } from "../result.js";
import { startUp } from "../start-up.js";
import { summarise } from "../summary.js";
import { findingsOf, headingOf, type Samples } from "./fixtures.js";

/** Returns a benchmark's summary of these medians, by program. */
function resultOf(bench: Bench, samples: Readonly<Record<string, Samples>>): Result {
  const programs = Object.entries(samples).map(([name, own]) => {
    const { program, rounds } = findingsOf(name, own);
    return { program: { ...program, judged: true }, rounds };
  });
  return summarise(bench, headingOf(programs), programs);
}

describe("the goals of start-up", () => {
  const at = (ffi: number) =>
    resultOf(startUp, {
      "node -e 0": { "start-foreground": [40] },
      executable: { "start-foreground": [10] },
      exec: { "start-foreground": [75] },
      ffi: { "start-foreground": [ffi] },
    });

  it("are one and a half times the start-up of Node.js and of the executable", () => {
    assert.deepEqual(
      at(75).goals.map(({ reached }) => reached),
      [true, true],
    );
    assert.match(at(76).goals[1]?.sentence ?? "", /^ffi takes 1\.52 times /);
    assert.equal(at(76).goals[1]?.reached, false);
  });

  it("decide whether the benchmark passes", () => {
    assert.equal(at(75).passed, true);
    assert.equal(at(76).passed, false);
  });
});

describe("the goals of library", () => {
  it("are shares of wg's time, and of the first call's", () => {
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
  it("is at most 15 ms more than an empty module", () => {
    const at = (time: number) =>
      resultOf(importing, { "empty module": { import: [2] }, "wg-bridge": { import: [time] } });
    assert.deepEqual([at(17).passed, at(17.1).passed], [true, false]);
    assert.match(at(17.1).goals[0]?.sentence ?? "", /^wg-bridge takes 15\.1 ms more; /);
  });
});
