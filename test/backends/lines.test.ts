import assert from "node:assert/strict";
import fc from "fast-check";
import { LineSplitter, maxLineLength } from "../../src/backends/lines.js";

function split(bytes: Buffer, cuts: readonly number[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  let start = 0;
  for (const size of [...cuts, bytes.length]) {
    splitter.push(bytes.subarray(start, start + size));
    start += size;
  }
  splitter.end();
  return lines;
}

describe("lines from a pipe", () => {
  const text = fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", " "));

  it("come out as they went in, however the bytes were cut", () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.integer({ min: 1, max: 5 })), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        assert.deepEqual(split(bytes, cuts), lines);
      }),
    );
  });

  it("include a last one that has no newline", () => {
    assert.deepEqual(split(Buffer.from("one\ntwo"), [2]), ["one", "two"]);
  });

  it("are cut at the maximum length, and the next one is complete again", () => {
    const bytes = Buffer.from(`${"x".repeat(maxLineLength + 5)}\nnext\n`);
    assert.deepEqual(split(bytes, [7, 900]), ["x".repeat(maxLineLength), "next"]);
  });
});
