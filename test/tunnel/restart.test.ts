import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  openTunnel,
  PresharedKey,
  PrivateKey,
  type Tunnel,
  WgBridgeError,
} from "../../src/index.js";
import { TunnelHandle } from "../../src/tunnel/handle.js";
import { Backoff } from "../../src/tunnel/restart.js";
import { serverOf } from "../../src/uapi/server.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { reveal } from "../uapi/reveal.js";
import { FakeRunning } from "./fake-running.js";
import { uncaughtDuring } from "./uncaught.js";

describe("the delays between attempts", () => {
  it("double up to the maximum, and are as many as are allowed", () => {
    const backoff = new Backoff({ delay: 10, maxDelay: 50, attempts: 4 });
    const attempts = Array.from({ length: 5 }, () => backoff.next());
    assert.deepEqual(attempts, [
      { attempt: 1, delay: 10 },
      { attempt: 2, delay: 20 },
      { attempt: 3, delay: 40 },
      { attempt: 4, delay: 50 },
      undefined,
    ]);
  });

  it("start over only after a tunnel has stayed up", () => {
    const backoff = new Backoff({ delay: 10, settled: 1000 });
    backoff.next();
    backoff.wasUp(999);
    assert.equal(backoff.next()?.attempt, 2);
    backoff.wasUp(1000);
    assert.equal(backoff.next()?.attempt, 1);
  });
});

describe("a tunnel that is closed at the moment at which it comes back", () => {
  it("is ended as the one before was", async () => {
    const [first, second] = [new FakeRunning(), new FakeRunning()];
    const tunnel: TunnelHandle = new TunnelHandle({
      running: first,
      reason: "",
      watch: {},
      revival: {
        backoff: new Backoff({ delay: 1 }),
        async start() {
          void tunnel.close();
          return second;
        },
      },
    });
    first.lose();
    assert.equal((await tunnel.closed).reason, "closed");
    assert.equal(second.closes, 1);
    await tunnel.close();
  });
});

function isClosed(error: unknown): boolean {
  return error instanceof WgBridgeError && error.code === "WG_BRIDGE_CLOSED";
}

describe("a tunnel that is to be restarted", () => {
  onlyInSandbox();
  endLeftTunnels("wgr0");

  /** Ends the program that serves the tunnel, as the kernel's memory killer would. */
  function killServer(): void {
    const server = serverOf("wgr0");
    assert.ok(server !== undefined);
    assert.match(server.program, /wireguard-go$/);
    process.kill(server.pid, "SIGKILL");
  }

  async function comesBack(tunnel: Tunnel): Promise<void> {
    const restarted = once(tunnel, "restarted");
    killServer();
    await restarted;
  }

  it("comes back with its keys when the caller has destroyed those that it gave and got", async () => {
    const [privateKey, presharedKey] = [PrivateKey.generate(), PresharedKey.generate()];
    const publicKey = PrivateKey.generate().publicKey();
    const config = { privateKey, peers: [{ publicKey, presharedKey, allowedIps: [] }] };
    const keys = [privateKey, presharedKey].map((key) => key.toBase64());
    await using tunnel = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 1 },
      config,
    });
    privateKey.destroy();
    presharedKey.destroy();
    for (let times = 0; times < 2; times++) {
      await comesBack(tunnel);
      const status = await tunnel.status();
      const found = [status.privateKey, status.peers[0]?.presharedKey];
      assert.deepEqual(
        found.map((key) => key?.toBase64()),
        keys,
      );
      for (const key of found) key?.destroy();
    }
  });

  it("comes back with its configuration, addresses and MTU when its child is killed", async () => {
    await using tunnel = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 1 },
      addresses: ["10.7.0.1/24"],
      mtu: 1333,
      listenPort: 51_777,
    });
    const peer = PrivateKey.generate().publicKey();
    const endpoint = { host: "192.0.2.9", port: 9 };
    const privateKey = PrivateKey.generate();
    await tunnel.apply({ privateKey, peers: [{ publicKey: peer, endpoint, allowedIps: [] }] });
    const before = reveal(await tunnel.status());
    for (let times = 0; times < 2; times++) {
      const restarting = once(tunnel, "restarting");
      const restarted = once(tunnel, "restarted");
      killServer();
      const [{ cause }] = await restarting;
      assert.match(cause, /killed by SIGKILL/);
      await assert.rejects(
        tunnel.status(),
        (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_LOST",
      );
      await restarted;
      assert.deepEqual(reveal(await tunnel.status()), before);
      assert.match(ip("addr", "show", "dev", "wgr0"), /UP.* mtu 1333[\s\S]*10\.7\.0\.1\/24/);
    }
  });

  it("comes back without what was disabled", async () => {
    await using tunnel = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 1 },
      disable: ["udp-gro", "tso4"],
    });
    await comesBack(tunnel);
    const environment = readFileSync(`/proc/${serverOf("wgr0")?.pid}/environ`, "utf8");
    assert.ok(environment.split("\0").includes("WG_BRIDGE_DISABLE=tso4,udp-gro"), environment);
  });

  it("ends for good when it cannot come back in as many attempts", async () => {
    const tunnel = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 1, attempts: 2 },
    });
    const attempts: number[] = [];
    tunnel.on("restarting", ({ attempt }) => {
      attempts.push(attempt);
      // Something else takes the name before each attempt.
      if (attempt === 1) ip("link", "add", "wgr0", "type", "veth", "peer", "name", "wgr1");
    });
    killServer();
    assert.equal((await tunnel.closed).reason, "lost");
    assert.deepEqual(attempts, [1, 2]);
    ip("link", "del", "wgr0");
    await tunnel.close();
  });

  it("does not come back when its interface was deleted, or when it is closed meanwhile", async () => {
    const deleted = await openTunnel({ name: "wgr0", backend: "exec", restart: true });
    ip("link", "del", "wgr0");
    assert.equal((await deleted.closed).reason, "interface-deleted");
    await deleted.close();
    const closed = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 60_000, maxDelay: 60_000 },
    });
    const restarting = once(closed, "restarting");
    killServer();
    await restarting;
    const closing = closed.close();
    await assert.rejects(closed.status(), isClosed);
    await closing;
    assert.equal((await closed.closed).reason, "closed");
    await assert.rejects(closed.status(), isClosed);
    assertNothingLeft("wgr0");
  });

  it("can be closed at any moment of its coming back, and stays away", async () => {
    for (let turns = 1; turns <= 1 << 14; turns *= 2) {
      const tunnel = await openTunnel({ name: "wgr0", backend: "exec", restart: { delay: 1 } });
      const restarting = once(tunnel, "restarting");
      killServer();
      await restarting;
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      await tunnel.close();
      assert.equal((await tunnel.closed).reason, "closed");
      assertNothingLeft("wgr0");
    }
  });

  it("comes back as its interface was when it was last looked at", async () => {
    await using tunnel = await openTunnel({
      name: "wgr0",
      backend: "exec",
      restart: { delay: 1 },
    });
    ip("link", "set", "wgr0", "up", "mtu", "1350");
    await tunnel.status();
    await comesBack(tunnel);
    assert.match(ip("link", "show", "dev", "wgr0"), /UP.* mtu 1350/);
    ip("link", "set", "wgr0", "down");
    await tunnel.status();
    await comesBack(tunnel);
    assert.doesNotMatch(ip("link", "show", "dev", "wgr0"), /[<,]UP/);
  });

  it("comes back although the program's own listener throws, which the program sees", async () => {
    const faults = [new Error("on lost"), new Error("on restarting")];
    const seen = await uncaughtDuring(async () => {
      const tunnel = await openTunnel({
        name: "wgr0",
        backend: "exec",
        restart: { delay: 1 },
      });
      tunnel.once("lost", () => {
        throw faults[0];
      });
      tunnel.once("restarting", () => {
        throw faults[1];
      });
      await comesBack(tunnel);
      await tunnel.close();
      assert.equal((await tunnel.closed).reason, "closed");
    });
    assert.deepEqual(seen, faults);
  });

  it("is not ffi's, which says so, and makes auto take exec", async () => {
    await assert.rejects(
      openTunnel({ name: "wgr0", backend: "ffi", restart: true }),
      (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_UNSUPPORTED",
    );
    await using tunnel = await openTunnel({ name: "wgr0", backend: "auto", restart: true });
    assert.equal(tunnel.backend, "exec");
    assert.match(tunnel.reason, /restart needs a process of its own/);
  });
});
