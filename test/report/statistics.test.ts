import assert from "node:assert/strict";
import fc from "fast-check";
import { geometricMean, median, ratio } from "../../src/report/statistics.js";

const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true });

describe("median", () => {
  it("is the middle value, or the mean of the two in the middle", () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 2, 9]), 3);
    assert.equal(median([]), null);
  });

  it("sorts numbers, not their text", () => {
    assert.equal(median([10, 9, 100]), 10);
  });

  it("has as many values above it as below", () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1 }), (values) => {
        const middle = median(values) ?? Number.NaN;
        const above = values.filter((value) => value > middle).length;
        const below = values.filter((value) => value < middle).length;
        assert.ok(above <= values.length / 2 && below <= values.length / 2);
      }),
    );
  });
});

describe("geometricMean", () => {
  it("weighs twice as fast and half as fast the same", () => {
    assert.ok(Math.abs((geometricMean([2, 0.5]) ?? 0) - 1) < 1e-12);
    assert.equal(geometricMean([]), null);
  });

  it("turns over with its ratios", () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 20 }), (ratios) => {
        const mean = geometricMean(ratios) ?? Number.NaN;
        const inverse = geometricMean(ratios.map((value) => 1 / value)) ?? Number.NaN;
        assert.ok(Math.abs(mean * inverse - 1) < 1e-9);
      }),
    );
  });
});

describe("ratio", () => {
  it("is unknown where a figure is, or where it would have no meaning", () => {
    assert.equal(ratio(3, 2), 1.5);
    assert.equal(ratio(null, 2), null);
    assert.equal(ratio(2, null), null);
    assert.equal(ratio(2, 0), null);
    assert.equal(ratio(0, 2), null);
  });
});
