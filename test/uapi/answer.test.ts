import assert from "node:assert/strict";
import fc from "fast-check";
import { AnswerReader } from "../../src/uapi/answer.js";

/** Feeds the bytes in pieces of the given sizes and returns every result. */
function read(bytes: Buffer, sizes: readonly number[]): (string | undefined)[] {
  const reader = new AnswerReader();
  const results: (string | undefined)[] = [];
  let start = 0;
  for (const size of [...sizes, bytes.length]) {
    if (start >= bytes.length) break;
    results.push(reader.push(Buffer.from(bytes.subarray(start, start + size)))?.toString());
    start += size;
  }
  return results;
}

describe("an answer that arrives in pieces", () => {
  const lines = fc.array(fc.string({ minLength: 1 }).map((line) => line.replaceAll("\n", "é")));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 300 });

  it("is complete at its blank line, however it was split, and not before", () => {
    fc.assert(
      fc.property(lines, sizes, (content, cuts) => {
        const answer = `${[...content, "errno=0"].join("\n")}\n\n`;
        const results = read(Buffer.from(answer), cuts);
        assert.equal(results.at(-1), answer);
        assert.ok(results.slice(0, -1).every((result) => result === undefined));
      }),
    );
  });

  it("leaves out what follows its blank line", () => {
    assert.deepEqual(read(Buffer.from("errno=0\n\nmore"), []), ["errno=0\n\n"]);
  });

  it("stays incomplete while the blank line is missing", () => {
    assert.deepEqual(read(Buffer.from("errno=0\n"), [3]), [undefined, undefined]);
  });

  it("is searched once, not from the start for each piece", () => {
    // A million pieces: quadratic time would take hours.
    const reader = new AnswerReader();
    const piece = Buffer.from("allowed_ip=10.0.0.0/8\n");
    for (let count = 0; count < 1_000_000; count++) {
      if (reader.push(Buffer.from(piece)) !== undefined) assert.fail("complete too early");
    }
    assert.equal(reader.push(Buffer.from("\n"))?.length, piece.length * 1_000_000 + 1);
  });
});
