import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import fs, { readdirSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { mock } from "node:test";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import {
  attach,
  listServedInterfaces,
  openTunnel,
  PresharedKey,
  PrivateKey,
  type PublicKey,
  parseConfig,
  publicKey,
  readConfigFile,
  type Tunnel,
  type TunnelOptions,
} from "../../src/index.js";
import { hasCode } from "../error-code.js";
import {
  assertNothingLeft,
  endLeftTunnels,
  interfaceExists,
  ip,
  onlyInSandbox,
} from "../sandbox.js";
import { reveal } from "../uapi/reveal.js";
import { uncaughtDuring } from "./uncaught.js";

const variants: readonly (readonly [string, Partial<TunnelOptions>])[] = [
  ["ffi", { backend: "ffi" }],
  ["exec", { backend: "exec" }],
  [
    "upstream's program",
    { backend: "exec", env: { ...process.env, WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath } },
  ],
];

function peer(number: number): PublicKey {
  return publicKey(number.toString(16).padStart(2, "0").repeat(32));
}

const file = (key: PrivateKey) => `[Interface]
PrivateKey = ${key.toBase64()}
Address = 10.9.0.1/24, fd09::1/64
MTU = 1400
ListenPort = 51899
[Peer]
PublicKey = ${peer(1)}
AllowedIPs = 10.9.0.2/32
`;

for (const [title, options] of variants) {
  describe(`a tunnel on ${title}`, () => {
    onlyInSandbox();
    endLeftTunnels("wgt0", "wgt1");
    const open = (more: Partial<TunnelOptions> = {}) =>
      openTunnel({ name: "wgt0", ...options, ...more });

    it("is open, configured, addressed and up when it is handed out, and gone when closed", async () => {
      const key = PrivateKey.generate();
      const tunnel = await open({ config: file(key) });
      assert.equal(tunnel.name, "wgt0");
      assert.equal(tunnel.backend, options.backend);
      assert.match(tunnel.reason, /was asked for/);
      const status = await tunnel.status();
      assert.equal(status.listenPort, 51_899);
      assert.equal(status.privateKey?.publicKey(), key.publicKey());
      assert.deepEqual(
        status.peers.map((one) => one.publicKey),
        [peer(1)],
      );
      assert.equal(readFileSync("/sys/class/net/wgt0/mtu", "utf8"), "1400\n");
      assert.match(
        ip("addr", "show", "dev", "wgt0"),
        /UP.*\n[\s\S]*10\.9\.0\.1\/24[\s\S]*fd09::1\/64/,
      );
      await tunnel.close();
      assert.equal((await tunnel.closed).reason, "closed");
      assertNothingLeft("wgt0");
    });

    it("prefers options to the configuration", async () => {
      const config = parseConfig(file(PrivateKey.generate()));
      await using tunnel = await open({
        config,
        addresses: ["10.8.0.1/24"],
        mtu: 1300,
        listenPort: 51_898,
      });
      assert.equal((await tunnel.status()).listenPort, 51_898);
      assert.equal(readFileSync("/sys/class/net/wgt0/mtu", "utf8"), "1300\n");
      const addresses = ip("addr", "show", "dev", "wgt0");
      assert.ok(addresses.includes("10.8.0.1/24") && !addresses.includes("10.9.0.1"));
    });

    it("leaves nothing behind when it cannot be configured", async () => {
      const tries: readonly (readonly [Partial<TunnelOptions>, string])[] = [
        [{ config: "nonsense" }, "WG_BRIDGE_CONFIG"],
        [{ addresses: ["10.0.0.1/99"] }, "WG_BRIDGE_NETWORK"],
        [{ addresses: ["10.0.0.1 dev lo"] }, "WG_BRIDGE_NETWORK"],
        [{ mtu: 10 }, "WG_BRIDGE_VALUE"],
        [{ listenPort: 70_000 }, "WG_BRIDGE_VALUE"],
      ];
      for (const [more, code] of tries) {
        await assert.rejects(open(more), hasCode(code));
        assertNothingLeft("wgt0");
      }
    });

    it("changes only what differs, and reports the configuration", async () => {
      await using tunnel = await open();
      const preshared = PresharedKey.generate();
      const privateKey = PrivateKey.generate();
      const config = {
        privateKey,
        fwmark: 42,
        peers: [
          { publicKey: peer(1), allowedIps: ["10.0.0.0/24", "fd00::/64"] },
          {
            publicKey: peer(2),
            presharedKey: preshared,
            endpoint: { host: "127.0.0.1", port: 9 },
            persistentKeepalive: 25,
            allowedIps: [],
          },
        ],
      };
      await tunnel.apply(config);
      const shown = async () => {
        const { peers, fwmark } = await tunnel.status();
        const sorted = peers.toSorted((one, other) => (one.publicKey < other.publicKey ? -1 : 1));
        return { fwmark, peers: sorted };
      };
      const { fwmark, peers } = await shown();
      assert.equal(fwmark, 42);
      assert.equal(peers[1]?.presharedKey?.toBase64(), preshared.toBase64());
      assert.deepEqual(peers[1]?.endpoint, { host: "127.0.0.1", port: 9 });
      assert.equal(peers[1]?.persistentKeepalive, 25);
      await tunnel.apply(config);
      assert.deepEqual(reveal(await shown()), reveal({ fwmark, peers }));
      await tunnel.apply({
        privateKey,
        peers: [{ publicKey: peer(1), allowedIps: ["fd00::/64"] }],
      });
      const after = await tunnel.status();
      assert.equal(after.fwmark, undefined);
      assert.deepEqual(
        after.peers.map((one) => one.allowedIps),
        [["fd00::/64"]],
      );
    });

    it("makes a change as a whole or not at all if its port is taken", async () => {
      const taken = createSocket("udp4").bind(51_897, "0.0.0.0");
      await once(taken, "listening");
      try {
        const key = PrivateKey.generate();
        await using tunnel = await open({ config: file(key) });
        const before = reveal(await tunnel.status());
        const change = { listenPort: 51_897, fwmark: 5, replacePeers: true };
        await assert.rejects(tunnel.update(change), hasCode("WG_BRIDGE_PORT_IN_USE"));
        assert.deepEqual(reveal(await tunnel.status()), before);
        const config = { listenPort: 51_897, peers: [] };
        await assert.rejects(tunnel.apply(config), hasCode("WG_BRIDGE_PORT_IN_USE"));
        assert.deepEqual(reveal(await tunnel.status()), before);
        const opening = openTunnel({ name: "wgt1", ...options, addresses: [], listenPort: 51_897 });
        await assert.rejects(opening, hasCode("WG_BRIDGE_PORT_IN_USE"));
        assertNothingLeft("wgt1");
      } finally {
        taken.close();
      }
    });

    it("can be one of several, which know nothing of each other", async () => {
      await using one = await open();
      await using two = await open({ name: "wgt1" });
      await one.update({ fwmark: 1 });
      await two.update({ fwmark: 2 });
      assert.equal((await one.status()).fwmark, 1);
      assert.equal((await two.status()).fwmark, 2);
      assert.deepEqual(await listServedInterfaces(), ["wgt0", "wgt1"]);
    });

    it("rejects every call at once, with its code, when it is closed or lost", async () => {
      const tunnel = await open();
      const calls = (of: Tunnel) => [
        of.status(),
        of.apply({ peers: [] }),
        of.update({ fwmark: 1 }),
      ];
      const closing = tunnel.close();
      for (const call of calls(tunnel)) await assert.rejects(call, hasCode("WG_BRIDGE_CLOSED"));
      await closing;
      for (const call of calls(tunnel)) await assert.rejects(call, hasCode("WG_BRIDGE_CLOSED"));
      const lost = await open();
      const emitted = once(lost, "lost");
      ip("link", "del", "wgt0");
      await lost.closed;
      for (const call of calls(lost)) await assert.rejects(call, hasCode("WG_BRIDGE_LOST"));
      assert.equal((await emitted)[0].message, (await lost.closed).message);
      await lost.close();
    });

    it("rejects every call with its signal's reason", async () => {
      const reason = new Error("changed my mind");
      const signal = AbortSignal.abort(reason);
      await assert.rejects(open({ signal }), reason);
      assertNothingLeft("wgt0");
      await using tunnel = await open();
      await assert.rejects(tunnel.status({ signal }), reason);
      await assert.rejects(tunnel.apply({ peers: [] }, { signal }), reason);
      await assert.rejects(tunnel.update({ fwmark: 1 }, { signal }), reason);
      await assert.rejects(attach("wgt0", { signal }), reason);
      await assert.rejects(readConfigFile("/no/such", { signal }), reason);
    });

    it("can be cancelled at any moment of its opening, and leaves nothing", async () => {
      const reason = new Error("changed my mind");
      for (let turns = 1, opened = false; !opened; turns *= 2) {
        const controller = new AbortController();
        const { signal } = controller;
        const opening = open({ addresses: ["10.9.0.1/24"], listenPort: 51_896, signal });
        const tried = opening.then(
          (tunnel) => ({ tunnel }),
          (error: unknown) => ({ error }),
        );
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        controller.abort(reason);
        const result = await tried;
        opened = "tunnel" in result;
        if ("tunnel" in result) {
          // Once it is open the signal means nothing to it any more.
          assert.equal((await result.tunnel.status()).listenPort, 51_896);
          await result.tunnel.close();
        } else {
          assert.equal(result.error, reason);
        }
        assertNothingLeft("wgt0");
      }
    });

    it("leaves no descriptor open and no file watched, nor does one that is attached to", async () => {
      const cycle = async () => {
        const tunnel = await open();
        const other = await attach("wgt0");
        const third = await attach("wgt0");
        await third.close();
        await tunnel.close();
        await other.closed;
        await assert.rejects(open({ addresses: ["10.0.0.1/99"] }), hasCode("WG_BRIDGE_NETWORK"));
      };
      const held = () => ({
        descriptors: readdirSync("/proc/self/fd").length,
        watches: process.getActiveResourcesInfo().filter((kind) => kind === "FSEventWrap").length,
      });
      await cycle();
      const before = held();
      for (let count = 0; count < 3; count++) await cycle();
      assert.deepEqual(held(), before);
    });

    it("can be attached to, changed and let go of by another", async () => {
      const tunnel = await open();
      const other = await attach("wgt0");
      assert.equal(other.backend, "attached");
      await other.update({ fwmark: 9 });
      assert.equal((await tunnel.status()).fwmark, 9);
      await other.close();
      assert.equal((await other.closed).reason, "closed");
      await assert.rejects(other.status(), hasCode("WG_BRIDGE_CLOSED"));
      assert.equal((await tunnel.status()).fwmark, 9);
      const third = await attach("wgt0");
      await tunnel.close();
      assert.equal((await third.closed).reason, "lost");
      await assert.rejects(third.status(), hasCode("WG_BRIDGE_LOST"));
    });

    it("emits changes of its link and its MTU while somebody listens", async () => {
      await using tunnel = await open({ pollInterval: 10 });
      const up = once(tunnel, "link");
      const mtu = once(tunnel, "mtu");
      await new Promise((resolve) => setImmediate(resolve)); // by then it has looked once
      ip("link", "set", "wgt0", "up", "mtu", "1380");
      assert.deepEqual(await up, [{ up: true }]);
      assert.deepEqual(await mtu, [{ mtu: 1380, previous: 1420 }]);
    });

    it("emits events to those who listen after all listeners were removed", async () => {
      await using tunnel = await open({ pollInterval: 10 });
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      tunnel.on("handshake", () => {});
      await turn(); // the first poll has begun
      tunnel.removeAllListeners();
      assert.equal(tunnel.listenerCount("handshake"), 0);
      await turn();
      const up = once(tunnel, "link");
      await turn();
      ip("link", "set", "wgt0", "up");
      assert.deepEqual(await up, [{ up: true }]);
    });

    it("emits what was logged while it started", async () => {
      const tunnel = await open({ logLevel: "verbose" });
      const lines: string[] = [];
      tunnel.on("log", (line) => lines.push(line));
      await tunnel.close();
      const started = lines.findIndex((line) => line.includes("UAPI listener started"));
      const ended = lines.findIndex((line) => line.includes("Device closed"));
      assert.ok(started >= 0 && ended > started, lines.join("\n"));
    });

    it("loses no line of its log to a listener that throws, which the program sees", async () => {
      const fault = new Error("on log");
      const lines: string[] = [];
      const seen = await uncaughtDuring(async () => {
        const tunnel = await open({ logLevel: "verbose" });
        tunnel.on("log", (line) => {
          lines.push(line);
          throw fault;
        });
        // This process waits for it: all lines arrive in one piece.
        const change = ["peer", peer(1), "persistent-keepalive", "5", "allowed-ips", "10.9.0.2/32"];
        execFileSync("wg", ["set", "wgt0", ...change]);
        await tunnel.close();
        assertNothingLeft("wgt0");
      });
      for (const expected of [/Created/, /Updating persistent keepalive/, /Adding allowedip/]) {
        assert.ok(
          lines.some((line) => expected.test(line)),
          String(expected),
        );
      }
      assert.deepEqual(seen, new Array(lines.length).fill(fault));
    });

    if (title === "upstream's program") {
      it("needs a complete name, since its program does not report the one that the kernel chose", async () => {
        const failure = open({ name: "wgt%d" });
        await assert.rejects(failure, hasCode("WG_BRIDGE_UNSUPPORTED"));
        assertNothingLeft("wgt0");
      });
    } else {
      it("has the name that the kernel chose", async () => {
        await using tunnel = await open({ name: "wgt%d" });
        assert.match(tunnel.name, /^wgt\d+$/);
        assert.ok(interfaceExists(tunnel.name));
        await tunnel.update({ fwmark: 3 });
        assert.match(execFileSync("wg", ["show", tunnel.name, "fwmark"]).toString(), /0x3/);
      });
    }
  });
}

describe("attaching to an interface", () => {
  onlyInSandbox();

  it("says that nothing serves it", async () => {
    await assert.rejects(attach("wgt9"), hasCode("WG_BRIDGE_CLOSED"));
    await assert.rejects(attach("no/name"), hasCode("WG_BRIDGE_INTERFACE_NAME"));
  });

  it("works without the kernel's watches if none is left", async () => {
    await using tunnel = await openTunnel({ name: "wgt0", backend: "exec" });
    mock.method(fs, "watch", () => {
      throw Object.assign(new Error("none is left"), { code: "EMFILE" });
    });
    syncBuiltinESMExports();
    try {
      const other = await attach("wgt0");
      await tunnel.close();
      await assert.rejects(other.status(), hasCode("WG_BRIDGE_LOST"));
      assert.equal((await other.closed).reason, "lost");
    } finally {
      mock.restoreAll();
      syncBuiltinESMExports();
    }
  });
});
