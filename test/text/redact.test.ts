import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { parseDisabled } from "../../src/backends/features.js";
import { argumentError, parseCommandLine } from "../../src/cli/arguments.js";
import { readConfigFile } from "../../src/config/file.js";
import { checkConfig } from "../../src/config/parse.js";
import { parseBackendRequest } from "../../src/strategy/choose.js";
import { quote } from "../../src/text/quote.js";
import { redact } from "../../src/text/redact.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { parseEndpoint } from "../../src/values/endpoint.js";
import { checkInterfaceName } from "../../src/values/interface-name.js";

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const around = fc.stringMatching(/^[ -~]{0,20}[ "=:]$/);

describe("a log line of any program", () => {
  it("hides a key, however it is encoded and whatever surrounds it", () => {
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

  it("hides a key that an engine has split from its last character", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const spelt = key.toString("base64").slice(0, -1);
        const line = redact(`invalid UAPI device key: private_key ${spelt} ${spelt}`);
        assert.equal(line, "invalid UAPI device key: private_key (hidden) (hidden)");
      }),
    );
  });

  it("hides part of a key, wherever it was cut", () => {
    // Of base64 in 22 digits, 1 piece in 50,000 looks like words; of 30, none in 300,000.
    const cuts = fc.tuple(keys, fc.nat(21), fc.integer({ min: 22, max: 43 }));
    const property = fc.property(cuts, around, ([key, start, length], before) => {
      for (const whole of [
        key.toString("hex"),
        key.toString("hex").toUpperCase(),
        key.toString("base64"),
      ]) {
        const piece = whole.slice(start, start + length).replace(/=+$/, "");
        if (piece.length < 22) continue;
        const line = redact(`${before}${piece}"`);
        assert.ok(!line.includes(piece) && line.includes("(hidden)"), line);
      }
    });
    fc.assert(property, { seed: 13 });
  });

  it("hides every key of several", () => {
    const line = redact(`private_key=${"a1".repeat(32)} preshared_key=${"b2".repeat(32)}`);
    assert.equal(line, "private_key=(hidden) preshared_key=(hidden)");
  });

  it("stays unchanged if it does not hold a key", () => {
    for (const line of [
      "DEBUG: (wg0) 2026/01/31 12:00:00 peer(AbCd…EfGh) - Sending handshake initiation",
      "DEBUG: (wg0) Starting wireguard-go version v0.0.0-20260522210424-ecfc5a8d5446",
      "[2001:db8:85a3:0:0:8a2e:370:7334]:51820 sent 18446744073709551615 bytes",
      "golang.zx2c4.com/wireguard/device: /var/run/wireguard/wg0.sock: PersistentKeepaliveInterval",
      "/home/someUser/projects2/node22/lib/wireguardPrograms/build3",
      "/home/o2x/x86v3/a1b2/programs/wireguard/build3",
      "open /usr/local/lib/a/directory/of/which/the/name/is/longer/than/a/key: permission denied",
    ]) {
      assert.equal(redact(line), line);
    }
  });
});

describe("a message about an argument", () => {
  const hex = "d8cf1f933cf2db6f9b1d453536794f5ecd6f28f97c21309b6cebf27d20efbb63";
  const pieces = [hex, Buffer.from(hex, "hex").toString("base64")].flatMap((key) => [
    key,
    key.slice(0, 30),
    key.slice(4, 40),
  ]);

  const uses: Readonly<Record<string, (text: string) => unknown>> = {
    "an interface name": checkInterfaceName,
    "a backend": parseBackendRequest,
    "a feature": parseDisabled,
    "an endpoint": parseEndpoint,
    "an allowed IP": allowedIp,
    "a command's argument": (text) => {
      throw argumentError("show", `Unknown option '--${text}'`);
    },
    "an option": (text) => parseCommandLine([`--${text}`]),
    "the name of a configuration": (text) => readConfigFile(`/nonexistent/${text}`),
  };
  for (const [what, use] of Object.entries(uses)) {
    it(`does not repeat part of a key that was given as ${what}`, async () => {
      for (const piece of pieces) {
        await assert.rejects(
          async () => use(piece),
          (error) => {
            assert.ok(!inspect(error, { depth: 5, showHidden: true }).includes(piece.slice(0, 29)));
            return true;
          },
        );
      }
    });
  }

  it("does not repeat part of a key in a configuration", () => {
    for (const piece of pieces) {
      const found = checkConfig(`[Interface]\n${piece} = 1\n`);
      assert.ok(!JSON.stringify(found).includes(piece.slice(0, 21)));
    }
  });

  it("is cut only once it has been redacted", () => {
    assert.equal(quote(`private ${hex}`, 20), '"private (hidden)"');
  });
});
