import assert from "node:assert/strict";
import { mock } from "node:test";
import { runInNewContext } from "node:vm";
import {
  attach,
  type ConfigInput,
  openTunnel,
  PresharedKey,
  PrivateKey,
  publicKey,
  readConfigFile,
  type TunnelOptions,
} from "../../src/index.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { refused, untyped } from "./refused.js";

const peer = publicKey("1f".repeat(32));

for (const backend of ["ffi", "exec"] as const) {
  describe(`a call on ${backend}`, () => {
    onlyInSandbox();
    endLeftTunnels("wgi0");

    it("is unaffected by what its caller changes while the tunnel opens", async () => {
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

    it("is unaffected by what its caller changes while apply and update wait for their turn", async () => {
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

    it("leaves no copy of a key, whether it succeeds, fails or is aborted", async () => {
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

    it("has its effect in the order of the calls, even if one waits for a host name", async () => {
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

    it("reports a lookup that resolves with anything but an address", async () => {
      const lookup = async () => untyped({ address: "192.0.2.7", family: 4 });
      const config = { peers: [{ publicKey: peer, endpoint: "peer.example:9" }] };
      const opening = openTunnel({ name: "wgi0", backend, config, resolve: { lookup } });
      await assert.rejects(
        opening,
        refused("WG_BRIDGE_RESOLVE", /lookup gave an object in place of an address/),
      );
    });

    it("accepts plain strings, objects of another realm, and a status", async () => {
      await using tunnel = await openTunnel({ name: "wgi0", backend });
      const key = PrivateKey.generate();
      const text = JSON.stringify({
        privateKey: key.toBase64(),
        peers: [
          {
            publicKey: peer,
            presharedKey: key.toBase64(),
            endpoint: "192.0.2.1:9",
            allowedIps: ["10.0.0.9/8"],
            persistentKeepalive: 25,
          },
        ],
      });
      const foreign: ConfigInput = runInNewContext(`JSON.parse(${JSON.stringify(text)})`);
      await tunnel.apply(foreign);
      const status = await tunnel.status();
      assert.equal(status.privateKey?.publicKey(), key.publicKey());
      assert.deepEqual(status.peers[0]?.endpoint, { host: "192.0.2.1", port: 9 });
      assert.deepEqual(status.peers[0]?.allowedIps, ["10.0.0.0/8"]);
      assert.equal(status.peers[0]?.presharedKey?.toBase64(), key.toBase64());
      assert.equal(status.peers[0]?.persistentKeepalive, 25);
      await tunnel.apply(status);
      await tunnel.update({ peers: [{ publicKey: peer, presharedKey: "remove", remove: true }] });
      assert.deepEqual((await tunnel.status()).peers, []);
      const bytes: ConfigInput = runInNewContext("new Uint8Array([91,80,101,101,114,93])");
      const noKey = refused("WG_BRIDGE_CONFIG", /no public key/);
      await assert.rejects(tunnel.apply(bytes), noKey);
    });

    it("is refused if its argument is invalid, and changes nothing", async () => {
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

/** Makes a call, and collects the private keys that it copies until its first await. */
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
