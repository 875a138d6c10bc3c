import assert from "node:assert/strict";
import fc from "fast-check";
import { editDistance } from "../../src/text/edit-distance.js";

describe("the edit distance of two texts", () => {
  const cases = [
    ["show", "show", 0],
    ["sho", "show", 1],
    ["shoow", "show", 1],
    ["shew", "show", 1],
    ["hsow", "show", 1],
    ["", "show", 4],
    ["kitten", "sitting", 3],
    ["adresses", "addresses", 1],
  ] as const;
  for (const [from, to, distance] of cases) {
    it(`is ${distance} from ${JSON.stringify(from)} to ${JSON.stringify(to)}`, () => {
      assert.equal(editDistance(from, to), distance);
    });
  }

  it("is symmetric, zero only to itself, and at most the longer length", () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        const distance = editDistance(one, other);
        assert.equal(distance, editDistance(other, one));
        assert.equal(distance === 0, one === other);
        assert.ok(distance <= Math.max(one.length, other.length));
      }),
    );
  });
});
