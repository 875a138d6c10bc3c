import assert from "node:assert/strict";
import fc from "fast-check";
import { geometricMean, median, medianInterval, quantile, ratio } from "../../report/statistics.js";

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
  it("weighs twice as fast and half as fast equally", () => {
    assert.ok(Math.abs((geometricMean([2, 0.5]) ?? 0) - 1) < 1e-12);
    assert.equal(geometricMean([]), null);
  });

  it("is inverted with its ratios", () => {
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
  it("is unknown if a figure is unknown, or if it would be meaningless", () => {
    assert.equal(ratio(3, 2), 1.5);
    assert.equal(ratio(null, 2), null);
    assert.equal(ratio(2, null), null);
    assert.equal(ratio(2, 0), null);
    assert.equal(ratio(0, 2), null);
  });
});

describe("quantile", () => {
  it("interpolates linearly between the two values around it", () => {
    assert.equal(quantile([4, 1, 3, 2, 5], 0.25), 2);
    assert.equal(quantile([1, 2], 0.25), 1.25);
    assert.equal(quantile([10, 9, 100], 1), 100);
    assert.equal(quantile([], 0.5), null);
  });

  it("ranges from the smallest value at 0 to the largest at 1, and is the median at 0.5", () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1 }), (values) => {
        assert.equal(quantile(values, 0), Math.min(...values));
        assert.equal(quantile(values, 1), Math.max(...values));
        const [half, middle] = [quantile(values, 0.5) ?? 0, median(values) ?? 0];
        assert.ok(Math.abs(half - middle) <= 1e-9 * middle);
      }),
    );
  });
});

describe("medianInterval", () => {
  /** Returns k if the interval of `count` values is between the k-th from both ends; 0 if there is none. */
  function rankOf(count: number): number {
    const values = Array.from({ length: count }, (_, index) => index + 1);
    const interval = medianInterval(values);
    assert.ok(interval === null || interval.low + interval.high === count + 1);
    return interval?.low ?? 0;
  }

  /** Returns the probability that the median is not between the k-th of n values from both ends. */
  function outside(n: number, k: number): number {
    let choices = 1n;
    let sum = 0n;
    for (let below = 0; below < k; below++) {
      sum += choices;
      choices = (choices * BigInt(n - below)) / BigInt(below + 1);
    }
    return Number((2n * sum * 10n ** 12n) / 2n ** BigInt(n)) / 1e12;
  }

  it("is between the values that tables give: the outermost of 6, the second of 9, the sixth of 20", () => {
    assert.deepEqual([5, 6, 8, 9, 11, 12, 20, 25].map(rankOf), [0, 1, 1, 2, 2, 3, 6, 8]);
  });

  it("contains the median in 95 percent of cases, and would not if it were narrower", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (count) => {
        const rank = rankOf(count);
        assert.ok(outside(count, rank) <= 0.05);
        assert.ok(outside(count, rank + 1) > 0.05);
      }),
    );
  });

  it("does not depend on the order of the values", () => {
    fc.assert(
      fc.property(fc.array(positive), (values) => {
        const sorted = [...values].sort((a, b) => a - b);
        assert.deepEqual(medianInterval([...sorted].reverse()), medianInterval(sorted));
      }),
    );
  });
});
