import assert from "node:assert/strict";
import fc from "fast-check";
import { redact } from "../src/redact.js";

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const around = fc.stringMatching(/^[ -~]{0,20}[ "=:]$/);

describe("a log line of any program", () => {
  it("hides a key, however it is spelt and whatever is around it", () => {
    fc.assert(
      fc.property(keys, around, around, (key, before, after) => {
        for (const spelt of [
          key.toString("hex"),
          key.toString("hex").toUpperCase(),
          key.toString("base64"),
        ]) {
          const line = redact(`${before}${spelt}${after}`);
          assert.ok(!line.includes(spelt), line);
          assert.ok(line.includes("(hidden)"));
        }
      }),
    );
  });

  it("hides what an engine leaves of a key where it takes the line apart at its last sign", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const spelt = key.toString("base64").slice(0, -1);
        const line = redact(`invalid UAPI device key: private_key ${spelt} ${spelt}`);
        assert.equal(line, "invalid UAPI device key: private_key (hidden) (hidden)");
      }),
    );
  });

  it("hides every key of several", () => {
    const line = redact(`private_key=${"a1".repeat(32)} preshared_key=${"b2".repeat(32)}`);
    assert.equal(line, "private_key=(hidden) preshared_key=(hidden)");
  });

  it("is left alone where it holds none", () => {
    for (const line of [
      "DEBUG: (wg0) 2026/01/31 12:00:00 peer(AbCd…EfGh) - Sending handshake initiation",
      "open /usr/local/lib/a/directory/of/which/the/name/is/longer/than/a/key: permission denied",
    ]) {
      assert.equal(redact(line), line);
    }
  });
});
