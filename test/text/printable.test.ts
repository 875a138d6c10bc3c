import assert from "node:assert/strict";
import fc from "fast-check";
import { printable, printableLines } from "../../src/text/printable.js";

describe("text of others, made printable,", () => {
  it("has codes for characters that a terminal obeys or hides", () => {
    const cases = [
      ["\x1b[31mred\x07", "\\x1b[31mred\\x07"],
      ["line\nline\r\tend", "line\\x0aline\\x0d\\x09end"],
      ["\x7f\x9b31m", "\\x7f\\x9b31m"],
      ["\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"],
      ["\u2028\u{e0041}", "\\u2028\\u{e0041}"],
      ["wg0, größe, 日本 🙂", "wg0, größe, 日本 🙂"],
    ] as const;
    for (const [text, shown] of cases) assert.equal(printable(text), shown);
  });

  it("keeps its lines if it has lines", () => {
    assert.equal(printableLines("ü 日本\n\t\u001b"), "ü 日本\n\\x09\\x1b");
  });

  it("never holds such a character", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(fc.property(text, (any) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(printable(any))));
  });
});
