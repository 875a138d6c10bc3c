import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { formatDiagnostics, showableLine } from "../../src/cli/check.js";
import { interfaceFields, peerFields } from "../../src/config/fields.js";
import { checkConfig } from "../../src/config/parse.js";

function format(text: string, colored = false): string {
  return formatDiagnostics("wg0.conf", text, checkConfig(text), colored);
}

describe("the diagnostics of a configuration, formatted for people,", () => {
  it("say that there are no mistakes", () => {
    assert.equal(format("[Interface]\nMTU = 1420\n"), "wg0.conf: no mistakes\n");
  });

  it("show the position, the line and a caret below the position", () => {
    assert.equal(
      format("[Interface]\r\n\tListenPort = 99999 # mine\r\n"),
      `wg0.conf:2:15: the value of ListenPort cannot be read; expected a port from 0 to 65535
2 |  ListenPort = 99999
                  ^
`,
    );
  });

  it("are coloured only on request, with the same text", () => {
    const text = "[Interface]\nMTU = 1\n[Peer]\nnonsense\n";
    assert.notEqual(format(text, true), format(text));
    assert.equal(stripVTControlCharacters(format(text, true)), format(text));
    assert.ok(!format(text).includes("\x1b"));
  });

  it("have three lines each, whatever the configuration", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("[Peer]", "[Interface]", "MTU = x", "PublicKey ="),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.join("\n");
        const count = checkConfig(text).length;
        if (count > 0) assert.equal(format(text).split("\n").length, 3 * count + 1);
      }),
    );
  });
});

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

  it("never shows part of a key, wherever it was", () => {
    fc.assert(
      fc.property(names, fc.string(), keys, fc.string(), (name, before, key, after) => {
        const shown = showableLine(`${name} = ${before}${key}${after}`);
        for (let start = 0; start + 12 <= key.length; start++) {
          assert.ok(!shown.includes(key.slice(start, start + 12)), shown);
        }
      }),
    );
  });

  it("has no control characters, and never becomes longer", () => {
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
