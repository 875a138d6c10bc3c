import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { maxLineLength, readLines } from "../../src/backends/lines.js";

async function split(bytes: Buffer, cuts: readonly number[]): Promise<string[]> {
  const lines: string[] = [];
  const pipe = new PassThrough();
  const read = readLines(pipe, (line) => lines.push(line));
  let start = 0;
  for (const size of [...cuts, bytes.length]) {
    pipe.write(bytes.subarray(start, start + size));
    start += size;
  }
  pipe.end();
  await read;
  return lines;
}

describe("lines from a pipe", () => {
  const text = fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", " "));

  it("come out as they went in, however the bytes were cut", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(text), sizes, async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        assert.deepEqual(await split(bytes, cuts), lines);
      }),
    );
  });

  it("include a last one that has no newline", async () => {
    assert.deepEqual(await split(Buffer.from("one\ntwo"), [2]), ["one", "two"]);
  });

  it("are cut at the maximum length, and the next one is complete again", async () => {
    const bytes = Buffer.from(`${"x".repeat(maxLineLength + 5)}\nnext\n`);
    assert.deepEqual(await split(bytes, [7, 900]), ["x".repeat(maxLineLength), "next"]);
  });
});
