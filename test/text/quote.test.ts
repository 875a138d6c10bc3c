import assert from "node:assert/strict";
import { readConfigFile } from "../../src/config/file.js";
import { WgBridgeError } from "../../src/errors.js";
import { describe as describeValue, quote } from "../../src/text/quote.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { parseEndpoint } from "../../src/values/endpoint.js";
import { checkInterfaceName } from "../../src/values/interface-name.js";

/** Clears a screen, sets a title, goes back, turns the direction of text, and ends a line. */
const obeyed = [
  "\u001b[2J",
  "\u009b2J",
  "\u001b]0;x\u0007",
  "\b",
  "\r",
  "\u202e",
  "\u2028",
  "\u007f",
];

function isObeyed(text: string): boolean {
  return obeyed.some((sequence) => text.includes(sequence[0] ?? ""));
}

describe("a value in a message", () => {
  it("is quoted without characters that a terminal obeys or hides", () => {
    assert.equal(quote('a"b\n'), '"a\\"b\\n"');
    assert.equal(
      quote("\u001b\u009b\u202e\u00a0\u{e0001}"),
      '"\\u001b\\u009b\\u202e\\u00a0\\udb40\\udc01"',
    );
    assert.equal(quote("x".repeat(100)).length, 62);
    assert.equal(quote("ab".repeat(32)), '"(hidden)"');
  });

  it("is named by kind unless it is a string or number", () => {
    const values = [undefined, null, 1n, true, [], {}, () => {}, new Uint8Array(2), Symbol("s")];
    assert.deepEqual(values.map(describeValue), [
      "undefined",
      "null",
      "1",
      "true",
      "an array",
      "an object",
      "a function",
      "a buffer",
      "Symbol(s)",
    ]);
  });

  for (const sequence of obeyed) {
    it(`is never printed with ${JSON.stringify(sequence)}, in any error`, async () => {
      const calls = [
        () => checkInterfaceName(`a/${sequence}`),
        () => parseEndpoint(sequence),
        () => allowedIp(sequence),
      ];
      for (const call of calls) {
        assert.throws(call, (error) => error instanceof WgBridgeError && !isObeyed(error.message));
      }
      await assert.rejects(
        readConfigFile(`/nowhere/${sequence}`),
        (error) =>
          error instanceof WgBridgeError &&
          /cannot be read/.test(error.message) &&
          !isObeyed(error.message),
      );
    });
  }
});
