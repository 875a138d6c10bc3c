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
  it("is unknown if a figure is, or if it would have no meaning", () => {
    assert.equal(ratio(3, 2), 1.5);
    assert.equal(ratio(null, 2), null);
    assert.equal(ratio(2, null), null);
    assert.equal(ratio(2, 0), null);
    assert.equal(ratio(0, 2), null);
  });
});

describe("quantile", () => {
  it("is in proportion between the two values around it", () => {
    assert.equal(quantile([4, 1, 3, 2, 5], 0.25), 2);
    assert.equal(quantile([1, 2], 0.25), 1.25);
    assert.equal(quantile([10, 9, 100], 1), 100);
    assert.equal(quantile([], 0.5), null);
  });

  it("ranges from the smallest to the largest value, and its half is the median", () => {
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
  /** The k for which it is between the k-th values from both ends, for so many values; 0: none. */
  function rankOf(count: number): number {
    const values = Array.from({ length: count }, (_, index) => index + 1);
    const interval = medianInterval(values);
    assert.ok(interval === null || interval.low + interval.high === count + 1);
    return interval?.low ?? 0;
  }

  /** The chance that the median of a distribution is not between the k-th of n values from both ends. */
  function outside(n: number, k: number): number {
    let choices = 1n;
    let sum = 0n;
    for (let below = 0; below < k; below++) {
      sum += choices;
      choices = (choices * BigInt(n - below)) / BigInt(below + 1);
    }
    return Number((2n * sum * 10n ** 12n) / 2n ** BigInt(n)) / 1e12;
  }

  it("is between the values that tables name: of 6 the outer two, of 9 the second, of 20 the sixth", () => {
    assert.deepEqual([5, 6, 8, 9, 11, 12, 20, 25].map(rankOf), [0, 1, 1, 2, 2, 3, 6, 8]);
  });

  it("holds the median in 95 percent of cases, and would not were it narrower", () => {
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
