import assert from "node:assert/strict";
import fc from "fast-check";
import { WgBridgeError } from "../../src/errors.js";
import { decodeChange } from "../../src/uapi/change-decoder.js";
import { encodeChange } from "../../src/uapi/encode.js";
import type { AllowedIp } from "../../src/values/allowed-ip.js";
import { type PublicKey, publicKey } from "../../src/values/key.js";
import { changes } from "./arbitrary.js";
import { reveal } from "./reveal.js";

const peer = publicKey("a1".repeat(32));

describe("the encoder of a change", () => {
  it("writes what the decoder reads back", () => {
    fc.assert(
      fc.property(changes, (change) => {
        assert.deepEqual(reveal(decodeChange(encodeChange(change))), reveal(change));
      }),
    );
  });

  it("puts first what the engine can refuse", () => {
    const request = encodeChange({ privateKey: "remove", fwmark: 1, listenPort: 2 }).toString();
    assert.match(request, /^set=1\nlisten_port=2\nfwmark=1\nprivate_key=0{64}\n\n$/);
  });

  it("refuses a host name, which the engine does not resolve", () => {
    const endpoint = { host: "vpn.example.org", port: 1 };
    assert.throws(
      () => encodeChange({ peers: [{ publicKey: peer, endpoint }] }),
      (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_ENDPOINT",
    );
  });

  it("lets no value begin a line of its own", () => {
    const lines = ["a\nprivate_key", "a=b"].map((key) => [[key, "1"]] as const);
    for (const unknown of [...lines, [["x", "1\nreplace_peers=true"]] as const]) {
      assert.throws(() => encodeChange({ unknown }), WgBridgeError);
      assert.throws(() => encodeChange({ peers: [{ publicKey: peer, unknown }] }), WgBridgeError);
    }
    const endpoint = { host: "fe80::1%a\nremove=true", port: 1 };
    assert.throws(() => encodeChange({ peers: [{ publicKey: peer, endpoint }] }), WgBridgeError);
    assert.throws(() => encodeChange({ fwmark: 1.5 }), WgBridgeError);
    // What no TypeScript compiler has seen.
    for (const text of ["10.0.0.0/24\nremove=true", "10.0.0.0/33", "-10.0.0.0/24", ""]) {
      const prefix: AllowedIp = JSON.parse(JSON.stringify(text));
      for (const peerChange of [{ allowedIps: [prefix] }, { removeAllowedIps: [prefix] }]) {
        const change = { peers: [{ publicKey: peer, ...peerChange }] };
        assert.throws(() => encodeChange(change), WgBridgeError);
      }
    }
    const short: PublicKey = JSON.parse('"AAAA"');
    assert.throws(() => encodeChange({ peers: [{ publicKey: short }] }), WgBridgeError);
  });

  it("keeps keys that it does not know", () => {
    const request = `set=1\nx=1\npublic_key=${"a1".repeat(32)}\ny=2\n\n`;
    assert.equal(encodeChange(decodeChange(Buffer.from(request))).toString(), request);
  });

  it("answers damage with a typed error, or with a change", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
    fc.assert(
      fc.property(changes, damage, (change, places) => {
        const request = encodeChange(change);
        for (const [at, byte] of places) request[at % request.length] = byte;
        try {
          decodeChange(request);
        } catch (error) {
          assert.ok(error instanceof WgBridgeError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
