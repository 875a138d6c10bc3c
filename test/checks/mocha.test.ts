import assert from "node:assert/strict";
import { installerTests, readMochaTests } from "./mocha.js";

function report(passes: number, pending: readonly string[], failures: readonly string[]): string {
  return JSON.stringify({
    stats: { passes },
    pending: pending.map((fullTitle) => ({ fullTitle, err: {} })),
    failures: failures.map((fullTitle) => ({ fullTitle, err: { stack: "Error: why\n  at x" } })),
  });
}

describe("readMochaTests", () => {
  it("counts, and shows each failure with its stack", () => {
    const outcome = readMochaTests(report(7, [], ["a tunnel closes"]), "", 1);
    assert.deepEqual([outcome.passed, outcome.failed], [7, 1]);
    assert.equal(outcome.details, "a tunnel closes\nError: why\n  at x\n");
  });

  it("takes the reason of a skipped test out of its title", () => {
    const outcome = readMochaTests(
      report(1, ["a suite [skipped: ncat is not installed] runs"], []),
      "",
      0,
    );
    assert.deepEqual(outcome.skips, [{ test: "a suite runs", reason: "ncat is not installed" }]);
  });

  it("fails when mocha ended without a report", () => {
    const outcome = readMochaTests("", "SyntaxError: no\n", 1);
    assert.equal(outcome.failed, 1);
    assert.equal(outcome.details, "SyntaxError: no\n");
  });

  it("fails when every test passed and mocha did not", () => {
    assert.equal(readMochaTests(report(3, [], []), "crashed at exit\n", 134).failed, 1);
  });
});

describe("the check of the files that install the packages", () => {
  const signal = new AbortController().signal;

  async function run(script: string) {
    const { jobs } = installerTests(["dist/test/none.test.js"], ["bash", "-c", script]);
    const [job] = jobs;
    assert.ok(job !== undefined);
    return job.run(signal);
  }

  it("fails if the packages cannot be made", async () => {
    const { failed, details } = await run("echo no space; exit 1");
    assert.deepEqual([failed, details], [1, "no space\n"]);
  });

  it("is skipped if this machine cannot make them", async () => {
    const { failed, skips } = await run("echo zig is not installed; exit 77");
    assert.deepEqual([failed, skips], [0, [{ test: "none", reason: "zig is not installed" }]]);
  });
});
