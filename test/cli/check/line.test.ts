import assert from "node:assert/strict";
import fc from "fast-check";
import { showableLine } from "../../../src/cli/check.js";
import { interfaceFields, peerFields } from "../../../src/config/fields.js";

const keys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("base64"));

const names = fc.constantFrom(
  ...[...interfaceFields, ...peerFields].map(({ name }) => name),
  "PrivatKey",
  "Key",
  "",
  "[Peer]",
);

describe("a line of a configuration, without its secrets,", () => {
  it("stays unchanged if it does not hold a key", () => {
    for (const line of [
      "[Interface]",
      "[Interfase]",
      "MTU = 1",
      "  ListenPort=99999",
      "Endpoint = vpn.example.org:x",
      "Endpoint = [2001:db8:1234:5678:9abc:def0:1234:5678]:x",
      "AllowedIPs = 10.0.0.0/24, fd00::/129",
      "FwMark = 0x123456789",
    ]) {
      assert.equal(showableLine(line), line);
    }
  });

  it("keeps its length, but hides whatever could be a key", () => {
    assert.equal(showableLine("PrivateKey = short"), "PrivateKey = *****");
    assert.equal(showableLine("PrivatKey = a b"), "PrivatKey = * *");
    assert.equal(showableLine("just words"), "**** *****");
    assert.equal(showableLine("AllowedIPs = 10.0.0.0/24 # secret"), "AllowedIPs = 10.0.0.0/24");
  });

  it("never holds part of a key, wherever that was", () => {
    fc.assert(
      fc.property(names, fc.string(), keys, fc.string(), (name, before, key, after) => {
        const shown = showableLine(`${name} = ${before}${key}${after}`);
        for (let start = 0; start + 12 <= key.length; start++) {
          assert.ok(!shown.includes(key.slice(start, start + 12)), shown);
        }
      }),
    );
  });

  it("has no control characters, and is never longer", () => {
    assert.equal(showableLine("MTU = \x1b[2J\u202e1\u2028x\r"), "MTU =  [2J 1 x");
    fc.assert(
      fc.property(names, fc.string({ unit: "binary" }), (name, value) => {
        const line = `${name} = ${value}`;
        const shown = showableLine(line);
        assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(shown.length <= line.length);
      }),
    );
  });
});
