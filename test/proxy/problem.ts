import assert from "node:assert/strict";
import { WgBridgeError, type WgBridgeErrorCode } from "../../src/errors.js";
import { TextProblem } from "../../src/proxy/text-problem.js";

/** Asserts that reading a text fails with this problem, this expectation, and at this index. */
export function refuses(
  read: (text: string) => unknown,
  text: string,
  problem: string,
  expected: string,
  at = 0,
): void {
  assert.throws(
    () => read(text),
    (error) => {
      assert.ok(error instanceof TextProblem, String(error));
      const { problem: found, expected: right, at: place } = error;
      assert.deepEqual([found, right, place], [problem, expected, at]);
      return true;
    },
  );
}

/** Returns a check of an error: its code, and its whole message. */
export function says(code: WgBridgeErrorCode, message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  };
}
