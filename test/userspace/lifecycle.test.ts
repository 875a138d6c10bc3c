import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/artifacts.js";
import { executablePath } from "../../src/engine/files.js";
import { hasCode } from "../../src/errors.js";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { stopProcess } from "../processes.js";
import { onlyInSandbox } from "../sandbox.js";
import { makeCertificate } from "./certificate.js";
import { engineProcesses } from "./engine-processes.js";
import { type EnginePair, farAddress, nearAddress, openPair, silentAddress } from "./engines.js";
import { serveNames } from "./name-server.js";
import { errorOf } from "./site.js";

const program = fileURLToPath(new URL("program.js", import.meta.url));

describe("a userspace tunnel on exec", function () {
  this.timeout(60_000);
  onlyInSandbox();

  let pair: EnginePair;
  let nearEngine = 0;
  let directory = "";

  before(async () => {
    directory = mkdtempSync(`${tmpdir()}/stations-`);
    // What a first tunnel leaves in this process, such as the library, is no other's.
    await (await openPair({ near: { backend: "exec" }, far: { backend: "ffi" } }))[
      Symbol.asyncDispose
    ]();
  });
  after(() => rmSync(directory, { recursive: true }));

  async function open(restart = false): Promise<void> {
    const before = engineProcesses();
    const env = { ...process.env, XDG_RUNTIME_DIR: directory };
    pair = await openPair({
      near: { backend: "exec", restart, env },
      far: { backend: "ffi", env },
    });
    const [started = 0] = engineProcesses().filter((pid) => !before.includes(pid));
    nearEngine = started;
  }

  afterEach(() => pair[Symbol.asyncDispose]());

  it("that is killed fails each of a hundred streams, with the reason", async () => {
    const before = leftovers(directory);
    await open();
    const { sockets, gone } = await hundred(pair);
    const ended: Socket[] = [];
    for (const socket of sockets) socket.resume().on("end", () => ended.push(socket));
    const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
    process.kill(nearEngine, "SIGKILL");
    for (const error of await failed) assert.ok(hasCode(error, "WG_BRIDGE_LOST"), String(error));
    assert.deepEqual(ended, []);
    assert.equal((await pair.tunnel.closed).reason, "lost");
    await assert.rejects(pair.tunnel.status(), { code: "WG_BRIDGE_LOST" });
    await pair[Symbol.asyncDispose]();
    await gone;
    assert.deepEqual(leftovers(directory), before);
  });

  it("that ends by itself fails each of a hundred streams, and ends none well", async () => {
    await open();
    const { sockets } = await hundred(pair);
    const ended: Socket[] = [];
    for (const socket of sockets) socket.resume().on("end", () => ended.push(socket));
    const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
    process.kill(nearEngine, "SIGTERM");
    for (const error of await failed) assert.ok(hasCode(error, "WG_BRIDGE_CLOSED"), String(error));
    assert.deepEqual(ended, []);
  });

  it("that is killed fails what is secured, too, and never ends it well", async () => {
    await open();
    const certificate = makeCertificate(farAddress);
    const server = tls.createServer(certificate, (socket) => {
      socket.on("error", () => {}).write("hello");
    });
    const port = await pair.serve((socket) => server.emit("connection", socket));
    const target = { hostname: farAddress, protocol: "https:", port: `${port}` };
    const socket = await new Promise<Socket>((resolve, reject) => {
      pair.tunnel.connector({ ...target, ...{ ca: certificate.cert } }, (error, secured) =>
        error === null ? resolve(secured) : reject(error),
      );
    });
    const events: string[] = [];
    for (const name of ["end", "error"]) socket.on(name, () => events.push(name));
    const failed = errorOf(socket);
    await once(socket, "data");
    process.kill(nearEngine, "SIGKILL");
    assert.ok(hasCode(await failed, "WG_BRIDGE_LOST"));
    assert.deepEqual(events, ["error"]);
  });

  it("without a descriptor left refuses connections, says so, and serves those that it has", async () => {
    await open();
    const port = await pair.serve((socket) => socket.on("error", () => {}).pipe(socket));
    const target = { host: farAddress, port };
    const first = await pair.tunnel.connect(target);
    const highest = Math.max(...readdirSync(`/proc/${nearEngine}/fd`).map(Number));
    const limit = (most: string) =>
      execFileSync("prlimit", ["--pid", `${nearEngine}`, `--nofile=${most}:`]);
    limit(`${highest + 1}`);
    const others: Socket[] = [];
    const fill = async () => {
      // Below the highest a few may be free.
      for (;;) others.push(await pair.tunnel.connect(target));
    };
    await assert.rejects(fill(), {
      code: "EMFILE",
      syscall: "connect",
      message: /no file descriptor left.*ulimit -n/,
    });
    await assert.rejects(pair.tunnel.status(), { code: "WG_BRIDGE_RESOURCES" });
    for (const socket of [first, ...others]) {
      socket.write("hello");
      assert.equal(String((await once(socket, "data"))[0]), "hello");
    }
    limit(`${highest + 100}`);
    const later = await pair.tunnel.connect(target);
    for (const socket of [first, ...others, later]) socket.destroy();
  });

  it("that is stopped keeps nobody waiting for longer than asked, and can be closed", async () => {
    const before = leftovers(directory);
    await open();
    const { sockets, gone } = await hundred(pair);
    const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
    await stopProcess(nearEngine);
    await assert.rejects(pair.tunnel.connect({ host: farAddress, port: 9, timeout: 1 }), {
      code: "ETIMEDOUT",
    });
    const reason = new Error("too slow");
    const controller = new AbortController();
    const refused = [
      assert.rejects(pair.tunnel.status({ signal: controller.signal }), reason),
      assert.rejects(pair.tunnel.stats(controller.signal), reason),
      assert.rejects(pair.tunnel.datagram({}, controller.signal), reason),
      assert.rejects(pair.tunnel.listen({ port: 0 }, controller.signal), reason),
    ];
    controller.abort(reason);
    await Promise.all(refused);
    await pair.tunnel.close();
    for (const error of await failed) assert.ok(hasCode(error, "WG_BRIDGE_CLOSED"), String(error));
    assert.equal(existsSync(`/proc/${nearEngine}`), false);
    await pair.far.close();
    await gone;
    assert.deepEqual(leftovers(directory), before);
  });

  it("says so if its program knows nothing of userspace tunnels, and ends it", async () => {
    await open();
    const own = mkdtempSync(`${tmpdir()}/program-`);
    const foreign = `${own}/foreign`;
    const script = '#!/bin/sh\necho "ready wg0" >&$WG_PROCESS_STATUS_FD\nexec sleep 1000\n';
    writeFileSync(foreign, script, { mode: 0o755 });
    for (const executable of [foreign, executablePath({})]) {
      const config = { privateKey: PrivateKey.generate(), peers: [] };
      const opened = openTunnel({
        network: "userspace",
        addresses: ["10.0.0.1"],
        config,
        backend: "exec",
        executable,
        env: { XDG_RUNTIME_DIR: own },
      });
      await assert.rejects(opened, { code: "WG_BRIDGE_UNSUPPORTED", message: /wg-bridge's own/ });
      assert.deepEqual(readdirSync(own), ["foreign"]);
    }
    rmSync(own, { recursive: true });
  });

  it("starts the program that WIREGUARD_GO_USERSPACE_EXECUTABLE names, and not that of others", async () => {
    const config = { privateKey: PrivateKey.generate(), peers: [] };
    const options = { network: "userspace", addresses: ["10.0.0.1"], config } as const;
    const env = { WG_BRIDGE_BACKEND: "exec", WIREGUARD_GO_EXECUTABLE: "/none" };
    const tunnel = await openTunnel({ ...options, env });
    assert.equal(tunnel.backend, "exec");
    await tunnel.close();
    const named = { ...env, WIREGUARD_GO_USERSPACE_EXECUTABLE: "/no/program" };
    await assert.rejects(openTunnel({ ...options, env: named }), {
      code: "WG_BRIDGE_EXECUTABLE_MISSING",
      message:
        "There is no executable for userspace tunnels /no/program, which WIREGUARD_GO_USERSPACE_EXECUTABLE names. Correct that, or leave it out.",
    });
  });

  it("is started again after it was lost, with its configuration and its network", async () => {
    await open(true);
    const { sockets } = await hundred(pair);
    const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
    const happened: string[] = [];
    for (const name of ["lost", "restarting", "restarted"] as const) {
      pair.tunnel.on(name, () => happened.push(name));
    }
    const restarted = once(pair.tunnel, "restarted");
    const port = await pair.serve((one) => one.end("again"));
    process.kill(nearEngine, "SIGKILL");
    for (const error of await failed) assert.ok(hasCode(error, "WG_BRIDGE_LOST"), String(error));
    await restarted;
    assert.deepEqual(happened, ["lost", "restarting", "restarted"]);
    const again = await pair.tunnel.connect({ host: farAddress, port });
    assert.equal(String((await once(again, "data"))[0]), "again");
    assert.equal(again.localAddress, nearAddress);
    again.destroy();
    await once(again, "close");
  });
});

for (const backend of ["exec", "ffi"] as const) {
  describe(`closing a userspace tunnel on ${backend}`, function () {
    this.timeout(60_000);
    onlyInSandbox();

    it("fails each of a hundred streams, and leaves nothing", async () => {
      const directory = mkdtempSync(`${tmpdir()}/stations-`);
      const before = leftovers(directory);
      const options = { backend, env: { ...process.env, XDG_RUNTIME_DIR: directory } };
      const other = await openPair({ near: options, far: options });
      const { sockets, gone } = await hundred(other);
      const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
      await other.tunnel.close();
      for (const error of await failed) {
        assert.ok(hasCode(error, "WG_BRIDGE_CLOSED"), String(error));
      }
      await other.far.close();
      await gone;
      assert.deepEqual(leftovers(directory), before);
      rmSync(directory, { recursive: true });
    });
  });
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`a userspace tunnel on ${backend}`, function () {
    this.timeout(60_000);
    onlyInSandbox();

    let pair: EnginePair;

    before(async () => {
      pair = await openPair({ near: { backend }, far: { backend } });
    });

    after(() => pair[Symbol.asyncDispose]());

    it("has status, update and events as every tunnel", async () => {
      const { tunnel } = pair;
      assert.match(tunnel.name, /^userspace-\d+$/);
      assert.equal(tunnel.backend, backend);
      const [peer] = (await tunnel.status()).peers;
      assert.ok(peer?.latestHandshake);
      await tunnel.update({ peers: [{ publicKey: peer.publicKey, allowedIps: ["10.71.0.0/16"] }] });
      const [changed] = (await tunnel.status()).peers;
      assert.ok(changed?.allowedIps.some((prefix) => prefix === "10.71.0.0/16"));
    });

    it("times out where nobody answers", async () => {
      await assert.rejects(pair.tunnel.connect({ host: silentAddress, port: 80, timeout: 200 }), {
        code: "ETIMEDOUT",
        syscall: "connect",
        address: silentAddress,
        port: 80,
      });
      await assert.rejects(pair.tunnel.ping(silentAddress, { timeout: 200 }), {
        code: "ETIMEDOUT",
      });
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const connecting = pair.tunnel.connect({ host: silentAddress, port: 80 }, controller.signal);
      setImmediate(() => controller.abort(reason));
      await assert.rejects(connecting, reason);
    });

    it("takes the addresses of a configuration that is applied", async () => {
      const far = await pair.far.status();
      const [peer] = far.peers;
      assert.ok(peer);
      await pair.far.update({
        peers: [{ publicKey: peer.publicKey, allowedIps: ["10.70.0.5/32"] }],
      });
      const { privateKey, peers } = await pair.tunnel.status();
      assert.ok(privateKey);
      await pair.tunnel.apply({ privateKey, peers, addresses: ["10.70.0.5/24", nearAddress] });
      const port = await pair.serve((socket) => socket.end(socket.remoteAddress ?? ""));
      const socket = await pair.tunnel.connect({
        host: farAddress,
        port,
        localAddress: "10.70.0.5",
      });
      assert.equal(String((await once(socket, "data"))[0]), "10.70.0.5");
      socket.destroy();
      await assert.rejects(
        pair.tunnel.connect({ host: farAddress, port, localAddress: "10.70.0.77" }),
        { code: "EADDRNOTAVAIL" },
      );
    });

    it("is told that the other end has reset a connection, after that had ended", async () => {
      const ended: Socket[] = [];
      const port = await pair.serve((socket) => {
        ended.push(socket.on("error", () => {}));
        socket.end();
      });
      const target = { host: farAddress, port, allowHalfOpen: true };
      const socket = await pair.tunnel.connect(target);
      await once(socket.resume(), "end");
      const failed = errorOf(socket);
      for (const far of ended) far.resetAndDestroy();
      const error = await failed;
      assert.ok(error instanceof Error && "code" in error && "syscall" in error);
      assert.deepEqual([error.code, error.syscall], ["EPIPE", "write"]);
    });

    it("needs an address, and says so", async () => {
      const options = { network: "userspace", backend } as const;
      const config = { privateKey: PrivateKey.generate(), peers: [] };
      await assert.rejects(openTunnel({ ...options, config }), {
        code: "WG_BRIDGE_NETWORK",
        message: /needs an address.*Address = /,
      });
      await assert.rejects(openTunnel({ ...options, config, addresses: ["10.0.0.1"], mtu: 576 }), {
        code: "WG_BRIDGE_VALUE",
      });
    });

    it("without DNS refuses names, and says what to do", async () => {
      await assert.rejects(pair.tunnel.resolve4("example.org"), {
        code: "ENOTFOUND",
        message: /DNS/,
      });
    });

    it("looks up names at the servers of its configuration, inside the tunnel", async () => {
      serveNames(await pair.far.datagram({ port: 53 }), { "server.tunnel": farAddress });
      const { privateKey, peers } = await pair.tunnel.status();
      assert.ok(privateKey);
      await pair.tunnel.apply({ privateKey, peers, dns: [farAddress, "tunnel"] });
      assert.deepEqual(await pair.tunnel.resolve4("server.tunnel"), [farAddress]);
      const port = await pair.attach(http.createServer((_, answer) => answer.end("by name")));
      const response = await pair.tunnel.fetch(`http://server:${port}/`);
      assert.equal(await response.text(), "by name");
      const looked = new Promise((resolve) => {
        pair.tunnel.lookup("server.tunnel", { all: true }, (_, found) => resolve(found));
      });
      assert.deepEqual(await looked, [{ address: farAddress, family: 4 }]);
      await assert.rejects(pair.tunnel.connect({ host: "other.tunnel", port }), {
        code: "ENOTFOUND",
        hostname: "other.tunnel",
      });
    });

    for (const how of ["close", "exit", "SIGTERM", "kill"]) {
      it(`leaves nothing when its process ends by ${how}`, async () => {
        const directory = mkdtempSync(`${tmpdir()}/userspace-`);
        try {
          assert.equal(await run(backend, how, directory), "through\n");
          // After SIGKILL nobody could remove it: the next tunnel does.
          if (how === "kill") assert.equal(await run(backend, "close", directory), "through\n");
          assert.deepEqual(readdirSync(directory), []);
        } finally {
          rmSync(directory, { recursive: true });
        }
      });
    }

    it("opens for a user without any privileges", async function () {
      const script = `${packageRoot}/scripts/unprivileged`;
      const file = `dist/test/userspace/program.js`;
      const child = spawn(script, ["node", file, backend, "close"], { stdio: "pipe" });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (piece: Buffer) => {
          said += piece.toString();
        });
      }
      const [code] = await once(child, "close");
      if (code === 77) this.skip();
      assert.equal(said, "through\n");
    });
  });
}

/** Opens a hundred streams. `gone` resolves once nothing of them is open, on either side. */
async function hundred(
  pair: EnginePair,
): Promise<{ readonly sockets: readonly Socket[]; readonly gone: Promise<unknown> }> {
  const closed: Promise<unknown>[] = [];
  const port = await pair.serve((socket) => {
    closed.push(new Promise((resolve) => socket.once("close", resolve)));
    socket.on("error", () => {}).write("hello");
  });
  const sockets = await Promise.all(
    Array.from({ length: 100 }, () => pair.tunnel.connect({ host: farAddress, port })),
  );
  for (const socket of sockets) {
    closed.push(new Promise((resolve) => socket.once("close", resolve)));
  }
  return { sockets, gone: Promise.all(closed) };
}

/** What tunnels could leave behind: stations, processes, and descriptors of this one. */
function leftovers(directory: string) {
  return {
    stations: readdirSync(directory),
    engines: engineProcesses().length,
    descriptors: readdirSync("/proc/self/fd").length,
  };
}

/** Runs the program with its stations in a directory, and resolves with what it printed once it has ended. */
async function run(backend: string, how: string, directory: string): Promise<string> {
  const env = { ...process.env, XDG_RUNTIME_DIR: directory };
  const child = spawn(process.execPath, [program, backend, how], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let said = "";
  child.stdout.on("data", (piece: Buffer) => {
    said += piece.toString();
    if (how === "SIGTERM") child.kill("SIGTERM");
  });
  await ended;
  return said;
}
