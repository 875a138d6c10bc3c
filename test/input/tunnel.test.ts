import assert from "node:assert/strict";
import { mock } from "node:test";
import { runInNewContext } from "node:vm";
import {
  attach,
  ConfigDocument,
  type ConfigInput,
  checkInterfaceName,
  formatConfig,
  formatEndpoint,
  openTunnel,
  PresharedKey,
  PrivateKey,
  parseConfig,
  parseEndpoint,
  persistentKeepalive,
  publicKey,
  readConfigFile,
  type TunnelOptions,
  WgBridgeError,
} from "../../src/index.js";
import { decodeChange, decodeStatus, encodeChange, encodeStatus } from "../../src/uapi/index.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";

const peer = publicKey("1f".repeat(32));
const secret = "aB".repeat(21);

/** What no TypeScript compiler has seen. */
function untyped(value: unknown): never {
  return value as never;
}

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.ok(!error.message.includes(secret), error.message);
    return true;
  };
}

describe("what openTunnel is given", () => {
  onlyInSandbox();
  const wrong: readonly (readonly [unknown, string, RegExp])[] = [
    [undefined, "VALUE", /^options is missing: give an object/],
    ["wg0", "VALUE", /^options is "wg0": give an object/],
    [{}, "INTERFACE_NAME", /^options\.name is missing: give the name of an interface/],
    [{ name: 7 }, "INTERFACE_NAME", /^options\.name is 7:/],
    [{ name: "a b" }, "INTERFACE_NAME", /^options\.name: .*white space/],
    [{ name: "\u001b[2J/\u009b" }, "INTERFACE_NAME", /"\\u001b\[2J\/\\u009b"/],
    [{ name: "wgi0", adresses: [] }, "VALUE", /no field "adresses": did you mean "addresses"\?/],
    [{ name: "wgi0", colour: 1 }, "VALUE", /no field "colour": there are name, pollInterval/],
    [{ name: "wgi0", backend: "go" }, "BACKEND_UNKNOWN", /options\.backend is "go": give "auto"/],
    [{ name: "wgi0", mtu: "1420" }, "VALUE", /options\.mtu is "1420": give a whole number from 68/],
    [{ name: "wgi0", mtu: 1e9 }, "VALUE", /options\.mtu is 1000000000/],
    [{ name: "wgi0", listenPort: -1 }, "VALUE", /options\.listenPort is -1/],
    [{ name: "wgi0", logLevel: "debug" }, "VALUE", /logLevel is "debug": give "silent" or "error"/],
    [{ name: "wgi0", pollInterval: Number.NaN }, "VALUE", /pollInterval is NaN: give a whole/],
    [{ name: "wgi0", pollInterval: 2 ** 31 }, "VALUE", /pollInterval is 2147483648/],
    [{ name: "wgi0", resolve: true }, "VALUE", /resolve is true: give false, or an object/],
    [{ name: "wgi0", resolve: { interval: 0 } }, "VALUE", /resolve\.interval is 0/],
    [{ name: "wgi0", resolve: { lookup: "dns" } }, "VALUE", /resolve\.lookup is "dns"/],
    [{ name: "wgi0", restart: "yes" }, "VALUE", /restart is "yes": give true or false/],
    [
      { name: "wgi0", restart: { delays: 1 } },
      "VALUE",
      /options\.restart has no field "delays": did/,
    ],
    [{ name: "wgi0", restart: { attempts: "3" } }, "VALUE", /restart\.attempts is "3"/],
    [{ name: "wgi0", detached: "false" }, "VALUE", /detached is "false": give true or false/],
    [{ name: "wgi0", disable: "uso" }, "VALUE", /disable is "uso": give an array/],
    [
      { name: "wgi0", disable: ["gro"] },
      "FEATURE_UNKNOWN",
      /disable\[0\]: There is no feature "gro"/,
    ],
    [
      { name: "wgi0", signal: new AbortController() },
      "VALUE",
      /signal is an object: give an Abort/,
    ],
    [{ name: "wgi0", env: { PATH: 1 } }, "VALUE", /options\.env\.PATH is 1: give a string/],
    [
      { name: "wgi0", addresses: "10.0.0.1/24" },
      "VALUE",
      /addresses is "10.0.0.1\/24": give an array/,
    ],
    [{ name: "wgi0", addresses: ["10.0.0.1 dev lo"] }, "NETWORK", /options\.addresses\[0\]: /],
    [
      { name: "wgi0", addresses: [`${secret}A`] },
      "NETWORK",
      /"\(hidden\)" is not an interface address/,
    ],
  ];
  const wrongConfigs: readonly (readonly [unknown, string, RegExp])[] = [
    [{}, "VALUE", /options\.config\.peers is missing: give an array of peers, \[\] for none/],
    [[], "VALUE", /options\.config is an array: give an object/],
    [null, "VALUE", /options\.config is null/],
    [7, "VALUE", /options\.config is 7/],
    [Promise.resolve(""), "VALUE", /config is a promise, not what it resolves with/],
    [new ArrayBuffer(3), "VALUE", /config is a buffer/],
    ["/etc/wireguard/wg0.conf", "CONFIG", /config is "\/etc.*: give what is in the file/],
    [{ peers: {} }, "VALUE", /config\.peers is an object: give an array of peers/],
    [{ peers: [{}] }, "KEY", /config\.peers\[0\]\.publicKey is missing/],
    [{ peers: [{ publicKey: secret }] }, "KEY", /publicKey: This is not a public key/],
    [
      { peers: [{ publicKey: peer, allowedIPs: [] }] },
      "VALUE",
      /"allowedIPs": did you mean "allowedIps"/,
    ],
    [{ peers: [{ publicKey: peer, preSharedKey: 1 }] }, "VALUE", /did you mean "presharedKey"/],
    [
      { peers: [{ publicKey: peer, allowedIps: "::/0" }] },
      "VALUE",
      /allowedIps is "::\/0": give an array/,
    ],
    [
      { peers: [{ publicKey: peer, allowedIps: ["::/0", 5] }] },
      "ALLOWED_IP",
      /allowedIps\[1\] is 5/,
    ],
    [
      { peers: [{ publicKey: peer, allowedIps: ["10/8"] }] },
      "ALLOWED_IP",
      /"10\/8" is not an allowed IP/,
    ],
    [
      { peers: [{ publicKey: peer, endpoint: "a" }] },
      "ENDPOINT",
      /peers\[0\]\.endpoint: "a" is not/,
    ],
    [{ peers: [{ publicKey: peer, endpoint: 5 }] }, "ENDPOINT", /endpoint is 5/],
    [
      { peers: [{ publicKey: peer, endpoint: { host: "a" } }] },
      "VALUE",
      /endpoint\.port is missing/,
    ],
    [
      { peers: [{ publicKey: peer, presharedKey: PrivateKey.generate() }] },
      "KEY",
      /presharedKey is an/,
    ],
    [
      { peers: [{ publicKey: peer, persistentKeepalive: "25" }] },
      "VALUE",
      /persistentKeepalive is "25"/,
    ],
    [
      { peers: [], privateKey: `${secret}!` },
      "KEY",
      /config\.privateKey: This is not a private key/,
    ],
    [{ peers: [], privateKey: PresharedKey.generate() }, "KEY", /config\.privateKey is an object/],
    [{ peers: [], saveConfig: 1 }, "VALUE", /config\.saveConfig is 1/],
    [{ peers: [], postUp: "echo" }, "VALUE", /config\.postUp is "echo": give an array/],
  ];
  for (const [options, code, message] of wrong) {
    it(`is refused at once: ${message.source}`, async () => {
      await assert.rejects(openTunnel(untyped(options)), refused(`WG_BRIDGE_${code}`, message));
      assertNothingLeft("wgi0");
    });
  }
  for (const [config, code, message] of wrongConfigs) {
    it(`is refused at once as a configuration: ${message.source}`, async () => {
      const opening = openTunnel({ name: "wgi0", config: untyped(config) });
      await assert.rejects(opening, refused(`WG_BRIDGE_${code}`, message));
      assertNothingLeft("wgi0");
    });
  }
});

for (const backend of ["ffi", "exec"] as const) {
  describe(`what a caller changes while a call on ${backend} is under way`, () => {
    onlyInSandbox();
    endLeftTunnels("wgi0");

    it("changes nothing of what openTunnel makes", async () => {
      const privateKey = PrivateKey.generate();
      const ours = privateKey.publicKey();
      const presharedKey = PresharedKey.generate();
      const shared = presharedKey.toBase64();
      const one = { publicKey: peer, presharedKey, allowedIps: [allowedIp("10.1.0.0/16")] };
      const config = { privateKey, listenPort: 51_897, peers: [one] };
      const addresses = ["10.9.0.1/24"];
      const env = { ...process.env };
      const options: { -readonly [Key in keyof TunnelOptions]: TunnelOptions[Key] } = {
        name: "wgi0",
        backend,
        config,
        addresses,
        env,
        mtu: 1400,
      };
      const opening = openTunnel(options);
      one.allowedIps.length = 0;
      config.peers.length = 0;
      config.listenPort = 1;
      addresses.length = 0;
      for (const name of Object.keys(env)) delete env[name];
      Object.assign(options, { name: "wgi1", mtu: 1300, backend: "none", config: "" });
      privateKey.destroy();
      presharedKey.destroy();
      await using tunnel = await opening;
      const status = await tunnel.status();
      assert.equal(status.listenPort, 51_897);
      assert.equal(status.privateKey?.publicKey(), ours);
      const [found] = status.peers;
      assert.deepEqual(found?.allowedIps, ["10.1.0.0/16"]);
      assert.equal(found?.presharedKey?.toBase64(), shared);
      assert.match(ip("-o", "address", "show", "dev", "wgi0"), /10\.9\.0\.1\/24/);
      assert.match(ip("-o", "link", "show", "dev", "wgi0"), /mtu 1400/);
    });

    it("changes nothing of what apply and update make, which wait for their turn", async () => {
      await using tunnel = await openTunnel({ name: "wgi0", backend });
      const first = tunnel.update({ fwmark: 1 });
      const allowedIps = ["10.1.0.0/16"];
      const peers = [{ publicKey: peer, allowedIps }];
      const privateKey = PrivateKey.generate();
      const ours = privateKey.publicKey();
      const applied = tunnel.apply({ privateKey, peers });
      allowedIps.length = 0;
      peers.length = 0;
      privateKey.destroy();
      const more = ["10.2.0.0/16"];
      const change = { peers: [{ publicKey: peer, allowedIps: more }] };
      const updated = tunnel.update(change);
      more[0] = "10.3.0.0/16";
      change.peers.length = 0;
      await Promise.all([first, applied, updated]);
      const status = await tunnel.status();
      assert.equal(status.privateKey?.publicKey(), ours);
      assert.deepEqual(status.peers[0]?.allowedIps.toSorted(), ["10.1.0.0/16", "10.2.0.0/16"]);
      const file = Buffer.from("[Interface]\nListenPort = 51896\n");
      const fromFile = tunnel.apply(file);
      file.fill(0);
      await fromFile;
      assert.equal((await tunnel.status()).listenPort, 51_896);
    });

    it("leaves no copy of a key, whether its call succeeds, fails or is given up", async () => {
      const key = PrivateKey.generate();
      const config = { privateKey: key, peers: [{ publicKey: peer, endpoint: "peer.example:9" }] };
      const copies: PrivateKey[] = [];
      let lookup = async () => "192.0.2.7";
      const resolve = { lookup: () => lookup() };
      const open = () => openTunnel({ name: "wgi0", backend, config, resolve });
      await using tunnel = await copying(copies, open);
      await copying(copies, () => tunnel.apply(config));
      await copying(copies, () => tunnel.update({ privateKey: key }));
      await assert.rejects(
        copying(copies, () => tunnel.apply(config, { signal: AbortSignal.abort() })),
      );
      lookup = async () => Promise.reject(new Error("no such host"));
      await assert.rejects(copying(copies, () => tunnel.apply(config)));
      await tunnel.update({}); // has its turn after them
      assert.equal(copies.length, 5);
      for (const copy of copies) assert.throws(() => copy.toBase64(), /was destroyed/);
      assert.equal(key.toBase64().length, 44);
    });

    it("is made in the order of the calls, although one has to wait for a host name", async () => {
      let answer = (_address: string) => {};
      const lookup = () => new Promise<string>((resolve) => (answer = resolve));
      await using tunnel = await openTunnel({ name: "wgi0", backend, resolve: { lookup } });
      const named = { publicKey: peer, endpoint: "peer.example:9", allowedIps: ["10.1.0.0/16"] };
      const applied = tunnel.apply({ peers: [named] });
      const updated = tunnel.update({ peers: [{ publicKey: peer, allowedIps: ["10.2.0.0/16"] }] });
      await tunnel.status();
      answer("192.0.2.7");
      await Promise.all([applied, updated]);
      const [found] = (await tunnel.status()).peers;
      assert.deepEqual(found?.endpoint, { host: "192.0.2.7", port: 9 });
      assert.deepEqual(found?.allowedIps.toSorted(), ["10.1.0.0/16", "10.2.0.0/16"]);
    });

    it("names a lookup that resolves with something else than an address", async () => {
      const lookup = async () => untyped({ address: "192.0.2.7", family: 4 });
      const config = { peers: [{ publicKey: peer, endpoint: "peer.example:9" }] };
      const opening = openTunnel({ name: "wgi0", backend, config, resolve: { lookup } });
      await assert.rejects(
        opening,
        refused("WG_BRIDGE_RESOLVE", /lookup gave an object in place of an address/),
      );
    });

    it("is taken as texts, from another realm, or as a status that was read", async () => {
      await using tunnel = await openTunnel({ name: "wgi0", backend });
      const key = PrivateKey.generate();
      const text = JSON.stringify({
        privateKey: key.toBase64(),
        peers: [{ publicKey: peer, endpoint: "192.0.2.1:9", allowedIps: ["10.0.0.9/8"] }],
      });
      const foreign: ConfigInput = runInNewContext(`JSON.parse(${JSON.stringify(text)})`);
      await tunnel.apply(foreign);
      const status = await tunnel.status();
      assert.equal(status.privateKey?.publicKey(), key.publicKey());
      assert.deepEqual(status.peers[0]?.endpoint, { host: "192.0.2.1", port: 9 });
      assert.deepEqual(status.peers[0]?.allowedIps, ["10.0.0.0/8"]);
      await tunnel.apply(status);
      await tunnel.update({ peers: [{ publicKey: peer, presharedKey: "remove", remove: true }] });
      assert.deepEqual((await tunnel.status()).peers, []);
      const bytes: ConfigInput = runInNewContext("new Uint8Array([91,80,101,101,114,93])");
      const noKey = refused("WG_BRIDGE_CONFIG", /no public key/);
      await assert.rejects(tunnel.apply(bytes), noKey);
    });

    it("is refused where it is none, and changes nothing", async () => {
      await using tunnel = await openTunnel({ name: "wgi0", backend, listenPort: 51_896 });
      for (const config of [{}, [], { listenPort: 1 }, undefined, null]) {
        await assert.rejects(
          tunnel.apply(untyped(config)),
          refused("WG_BRIDGE_VALUE", /^config(\.peers)? is /),
        );
      }
      const wrong: readonly (readonly [unknown, string])[] = [
        ["[Interface]", "VALUE"],
        [{ peers: [{ publicKey: peer, allowedIps: "10.0.0.0/8" }] }, "VALUE"],
        [{ peers: [{ publicKey: peer, removed: true }] }, "VALUE"],
        [{ peers: [{ publicKey: peer, remove: "no" }] }, "VALUE"],
        [{ listenPort: "1" }, "VALUE"],
        [{ privateKey: "removed" }, "KEY"],
        [{ unknown: [["a"]] }, "VALUE"],
      ];
      for (const [change, code] of wrong) {
        await assert.rejects(
          tunnel.update(untyped(change)),
          refused(`WG_BRIDGE_${code}`, /^change/),
        );
      }
      const calls = (options: unknown) => [
        tunnel.status(untyped(options)),
        tunnel.apply({ peers: [] }, untyped(options)),
        tunnel.update({}, untyped(options)),
        readConfigFile("/dev/null", untyped(options)),
        attach("wgi0", untyped(options)),
      ];
      const wrongOptions: readonly (readonly [unknown, RegExp])[] = [
        [{ signal: 1000 }, /^options\.signal is 1000: give an AbortSignal\.$/],
        [{ signall: 1000 }, /^options has no field "signall": did you mean "signal"\?$/],
        [new AbortController().signal, /^options is an AbortSignal: give it as { signal }\.$/],
        [1000, /^options is 1000: give an object\.$/],
        [null, /^options is null: give an object\.$/],
      ];
      for (const [options, message] of wrongOptions) {
        for (const call of calls(options)) {
          await assert.rejects(call, refused("WG_BRIDGE_VALUE", message));
        }
      }
      await assert.rejects(attach(untyped(7)), refused("WG_BRIDGE_INTERFACE_NAME", /^name is 7/));
      const typo = { pollIntervall: 1 };
      await assert.rejects(
        attach("wgi0", untyped(typo)),
        refused("WG_BRIDGE_VALUE", /did you mean "pollInterval"/),
      );
      assert.equal((await tunnel.status()).listenPort, 51_896);
    });
  });
}

/** Makes a call, and collects the private keys that it makes until its first await. */
function copying<T>(copies: PrivateKey[], call: () => Promise<T>): Promise<T> {
  const from = PrivateKey.from;
  const spy = mock.method(PrivateKey, "from", (given: PrivateKey) => {
    const key = from(given);
    copies.push(key);
    return key;
  });
  try {
    return call();
  } finally {
    spy.mock.restore();
  }
}

describe("what is given to functions of values", () => {
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
    it(`is refused in a sentence by ${call.name}, whatever it is`, () => {
      for (const value of [undefined, null, 7.5, [], [1, 2], Symbol("x"), () => {}]) {
        assert.throws(() => call(untyped(value)), refused(`WG_BRIDGE_${code}`, /./));
      }
    });
  }

  it("may be an object of the program's own class, whose fields are each read once", () => {
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

  it("needs only keys to make a file or a peer of", () => {
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
