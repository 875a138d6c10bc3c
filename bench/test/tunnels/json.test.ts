import assert from "node:assert/strict";
import { entriesAt, numberAt, textAt, textsAt } from "../../tunnels/json.js";

const value: unknown = JSON.parse('{"a":{"number":1,"text":"x","list":["y",2]},"none":null}');

describe("a value in JSON", () => {
  it("is found by its path, if it is of the kind asked for", () => {
    assert.equal(numberAt(value, "a", "number"), 1);
    assert.equal(textAt(value, "a", "text"), "x");
    assert.deepEqual(textsAt(value, "a", "list"), ["y", "2"]);
    assert.deepEqual(entriesAt(value, "a")[0], ["number", 1]);
  });

  it("is not found otherwise", () => {
    assert.equal(numberAt(value, "a", "text"), undefined);
    assert.equal(textAt(value, "a", "number"), undefined);
    assert.deepEqual(textsAt(value, "a", "text"), []);
    assert.deepEqual(entriesAt(value, "none"), []);
    for (const path of [["b"], ["none", "a"], ["a", "number", "b"], ["constructor"]]) {
      assert.equal(numberAt(value, ...path), undefined);
    }
  });
});
