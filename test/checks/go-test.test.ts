import assert from "node:assert/strict";
import { readGoTests } from "./go-test.js";

function lines(...events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

const packageName = "wg-bridge/go/udp";

describe("readGoTests", () => {
  it("counts passed tests, and a test with subtests by its subtests alone", () => {
    const outcome = readGoTests(
      lines(
        { Action: "pass", Package: packageName, Test: "TestSend/IPv4" },
        { Action: "pass", Package: packageName, Test: "TestSend/IPv6" },
        { Action: "pass", Package: packageName, Test: "TestSend" },
        { Action: "pass", Package: packageName, Test: "TestSendMany" },
        { Action: "pass", Package: packageName },
      ),
      0,
    );
    assert.equal(outcome.passed, 3);
    assert.equal(outcome.failed, 0);
  });

  it("shows what a failed test printed, and nothing of a passed one", () => {
    const outcome = readGoTests(
      lines(
        { Action: "output", Package: packageName, Test: "TestGood", Output: "all is well\n" },
        { Action: "pass", Package: packageName, Test: "TestGood" },
        { Action: "output", Package: packageName, Test: "TestBad", Output: "=== RUN   TestBad\n" },
        { Action: "output", Package: packageName, Test: "TestBad", Output: "a.go:3: got 4\n" },
        { Action: "fail", Package: packageName, Test: "TestBad" },
        { Action: "fail", Package: packageName },
      ),
      1,
    );
    assert.equal(outcome.failed, 1);
    assert.equal(outcome.details, "a.go:3: got 4\n");
  });

  it("counts a package that does not compile as one failure, with the compiler's words", () => {
    const outcome = readGoTests(
      lines(
        { Action: "build-output", ImportPath: packageName, Output: "a.go:1: undefined: x\n" },
        { Action: "build-fail", ImportPath: packageName },
        { Action: "fail", Package: packageName },
      ),
      1,
    );
    assert.equal(outcome.failed, 1);
    assert.equal(outcome.details, "a.go:1: undefined: x\n");
  });

  it("counts a data race outside any test as a failure of its package", () => {
    const outcome = readGoTests(
      lines(
        { Action: "pass", Package: packageName, Test: "TestSend" },
        { Action: "output", Package: packageName, Output: "WARNING: DATA RACE\n" },
        { Action: "fail", Package: packageName },
      ),
      1,
    );
    assert.deepEqual([outcome.passed, outcome.failed], [1, 1]);
    assert.match(outcome.details, /DATA RACE/);
  });

  it("gives the reason of a skipped test", () => {
    const outcome = readGoTests(
      lines(
        {
          Action: "output",
          Package: packageName,
          Test: "TestGro",
          Output: "    gro_test.go:9: the kernel has no UDP_GRO\n",
        },
        { Action: "skip", Package: packageName, Test: "TestGro" },
      ),
      0,
    );
    assert.deepEqual(outcome.skips, [
      { test: `${packageName} TestGro`, reason: "the kernel has no UDP_GRO" },
    ]);
  });

  it("fails when go itself did, without a single test", () => {
    const outcome = readGoTests("go: cannot find main module\n", 1);
    assert.equal(outcome.failed, 1);
    assert.match(outcome.details, /cannot find main module/);
  });
});
