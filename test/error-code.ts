import assert from "node:assert/strict";
import { WgBridgeError } from "../src/errors.js";

/** Returns a check for assert.rejects and assert.throws: the error is this package's, with this code. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
