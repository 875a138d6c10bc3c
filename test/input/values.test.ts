import assert from "node:assert/strict";
import {
  allowedIp,
  ConfigDocument,
  checkInterfaceName,
  type DeviceChangeInput,
  type DeviceInput,
  formatConfig,
  formatEndpoint,
  PresharedKey,
  PrivateKey,
  parseConfig,
  parseEndpoint,
  persistentKeepalive,
  publicKey,
} from "../../src/index.js";
import { decodeChange, decodeStatus, encodeChange, encodeStatus } from "../../src/uapi/index.js";
import { refused, untyped } from "./refused.js";

const peer = publicKey("1f".repeat(32));

describe("an argument", () => {
  const calls: readonly (readonly [(value: never) => unknown, string])[] = [
    [publicKey, "KEY"],
    [PrivateKey.from, "KEY"],
    [PresharedKey.from, "KEY"],
    [allowedIp, "ALLOWED_IP"],
    [parseEndpoint, "ENDPOINT"],
    [formatEndpoint, "ENDPOINT"],
    [persistentKeepalive, "VALUE"],
    [checkInterfaceName, "INTERFACE_NAME"],
    [parseConfig, "CONFIG"],
    [ConfigDocument.parse, "CONFIG"],
    [encodeChange, "VALUE"],
    [encodeStatus, "VALUE"],
    [decodeChange, "UAPI"],
    [decodeStatus, "UAPI"],
  ];
  for (const [call, code] of calls) {
    it(`of any wrong type is refused in a sentence by ${call.name}`, () => {
      for (const value of [undefined, null, 7.5, [], [1, 2], Symbol("x"), () => {}]) {
        assert.throws(() => call(untyped(value)), refused(`WG_BRIDGE_${code}`, /./));
      }
    });
  }

  it("may be an object of a program's class, and each of its fields is read once", () => {
    let reads = 0;
    class Given {
      get peers() {
        reads++;
        return [];
      }
      get listenPort() {
        return 5;
      }
    }
    assert.equal(formatConfig(new Given()), "[Interface]\nListenPort = 5\n");
    assert.equal(reads, 1);
  });

  it("may have plain strings as keys, endpoints and allowed IPs", () => {
    const [privateKey, presharedKey] = [PrivateKey.generate(), PresharedKey.generate()];
    const values = {
      privateKey,
      peers: [
        {
          publicKey: peer,
          presharedKey,
          endpoint: parseEndpoint("192.0.2.1:51820"),
          persistentKeepalive: 25,
          allowedIps: [allowedIp("10.0.0.0/24")],
        },
      ],
    };
    const strings: DeviceInput & DeviceChangeInput = {
      privateKey: privateKey.toBase64(),
      peers: [
        {
          publicKey: String(peer),
          presharedKey: presharedKey.toBase64(),
          endpoint: "192.0.2.1:51820",
          persistentKeepalive: 25,
          allowedIps: ["10.0.0.1/24"],
        },
      ],
    };
    assert.equal(formatConfig(strings), formatConfig(values));
    assert.deepEqual(encodeChange(strings), encodeChange(values));
    const added = (inputs: DeviceInput) => {
      const document = ConfigDocument.parse("");
      for (const one of inputs.peers) document.addPeer(one);
      return document.toString();
    };
    assert.equal(added(strings), added(values));
  });

  it("says where in it a string is wrong, with the code of the value", () => {
    const wrong: readonly (readonly [object, string, RegExp])[] = [
      [{ privateKey: "AAAA" }, "KEY", /^config\.privateKey: This is not a private key/],
      [{ peers: [{ publicKey: "AAAA" }] }, "KEY", /^config\.peers\[0\]\.publicKey: /],
      [{ peers: [{ publicKey: peer, presharedKey: "" }] }, "KEY", /\[0\]\.presharedKey: /],
      [{ peers: [{ publicKey: peer, endpoint: "a" }] }, "ENDPOINT", /\[0\]\.endpoint: "a" is not/],
      [
        { peers: [{ publicKey: peer, allowedIps: ["::/0", "10/8"] }] },
        "ALLOWED_IP",
        /^config\.peers\[0\]\.allowedIps\[1\]: "10\/8" is not/,
      ],
    ];
    for (const [config, code, message] of wrong) {
      assert.throws(() => formatConfig(untyped(config)), refused(`WG_BRIDGE_${code}`, message));
    }
  });

  it("needs only keys for a file or a peer", () => {
    const key = PrivateKey.generate();
    const text = `[Interface]\nPrivateKey = ${key.toBase64()}\n\n[Peer]\nPublicKey = ${peer}\n`;
    assert.equal(formatConfig({ privateKey: key, peers: [{ publicKey: peer }] }), text);
    assert.equal(formatConfig({ privateKey: key.toBase64(), peers: [{ publicKey: peer }] }), text);
    assert.equal(formatConfig({}), "[Interface]\n");
    const document = ConfigDocument.parse(`[Interface]\nPrivateKey = ${key.toBase64()}\n`);
    document.addPeer({ publicKey: peer });
    assert.equal(document.toString(), text);
    assert.equal(key.toBase64().length, 44); // the caller's key is still whole
    assert.throws(
      () => formatConfig(untyped({ peer: [] })),
      refused("WG_BRIDGE_VALUE", /config has no field "peer": did you mean "peers"/),
    );
    assert.throws(
      () => document.setInterface("MTU", untyped(1420)),
      refused("WG_BRIDGE_VALUE", /The value of MTU is 1420: give a string/),
    );
  });
});
