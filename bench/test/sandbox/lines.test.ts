import assert from "node:assert/strict";
import { LineSplitter, plainText } from "../../sandbox/lines.js";

describe("LineSplitter", () => {
  it("joins a line that comes in pieces", () => {
    const splitter = new LineSplitter();
    assert.deepEqual(splitter.write("on"), []);
    assert.deepEqual(splitter.write("e\ntwo\nth"), ["one", "two"]);
    assert.deepEqual(splitter.write("ree\n"), ["three"]);
    assert.deepEqual(splitter.end(), []);
  });

  it("gives a last line without a line end at the end", () => {
    const splitter = new LineSplitter();
    splitter.write("one\ntwo");
    assert.deepEqual(splitter.end(), ["two"]);
    assert.deepEqual(splitter.end(), []);
  });

  it("does not keep more of a line than it may be long", () => {
    const splitter = new LineSplitter();
    for (let piece = 0; piece < 100; piece++) splitter.write("x".repeat(1000));
    assert.equal(splitter.write("\n")[0]?.length, 4096);
  });
});

describe("plainText", () => {
  it("takes out whatever could act on a terminal", () => {
    assert.equal(
      plainText("\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007bell\b\r"),
      "red bell",
    );
  });
});
