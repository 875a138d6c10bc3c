import assert from "node:assert/strict";
import {
  addOutcomes,
  failMissingPackages,
  formatCounts,
  oneFailed,
  onePassed,
  oneSkipped,
} from "./outcome.js";

describe("the outcome of all checks", () => {
  it("is one line of counts, and names skipped tests only where there are any", () => {
    assert.equal(formatCounts(addOutcomes([onePassed, onePassed])), "2 passed, 0 failed");
    assert.equal(
      formatCounts(addOutcomes([onePassed, oneFailed("why\n"), oneSkipped("a test", "no TUN")])),
      "1 passed, 1 failed, 1 skipped",
    );
  });

  it("counts a test whose package is missing as failed in continuous integration, and no other skip", () => {
    const outcome = failMissingPackages(
      addOutcomes([oneSkipped("a", "ncat is not installed"), oneSkipped("b", "no TUN")]),
    );
    assert.equal(outcome.failed, 1);
    assert.deepEqual(outcome.skips, [{ test: "b", reason: "no TUN" }]);
    assert.match(outcome.details, /a: skipped: ncat is not installed/);
  });
});
