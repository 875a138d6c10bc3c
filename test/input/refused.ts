import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";

/** A text that must not be repeated in a message: it may be a key. */
export const secret = "aB".repeat(21);

/** Lets a test give what the TypeScript compiler would not accept. */
export function untyped(value: unknown): never {
  return value as never;
}

/** Returns a check of what was thrown: its code, its message, and that it does not repeat a secret. */
export function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.ok(!error.message.includes(secret), error.message);
    return true;
  };
}
