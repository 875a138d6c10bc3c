import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import type { ListenAddress, ProxySpec, RunningProxy } from "../../src/index.js";
import { formatSocketAddress } from "../../src/proxy/address.js";
import { onlyInSandbox } from "../sandbox.js";
import { type EnginePair, farAddress, nearAddress, openPair } from "./engines.js";

const run = promisify(execFile);

/** Runs curl, and resolves with what it prints. */
async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("curl", ["-sS", "--max-time", "60", ...args]);
  return stdout;
}

/** Returns the only address of a kind. */
function only([address]: readonly ListenAddress[]): string {
  assert.ok(address);
  return formatSocketAddress(address);
}

function portOf(address: ListenAddress | undefined): number {
  assert.ok(address && "port" in address);
  return address.port;
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`proxies of a tunnel on ${backend}`, function () {
    this.timeout(120_000);
    onlyInSandbox();

    let pair: EnginePair;
    let page: string;
    let directory: string;
    let proxy: RunningProxy | undefined;

    const open = async (spec: ProxySpec) => {
      proxy = await pair.tunnel.proxy(spec);
      return proxy;
    };

    before(async () => {
      pair = await openPair({ near: { backend }, far: { backend } });
      const server = createHttpServer((request, response) => {
        response.end(`${request.method} ${request.url}`);
      });
      page = `http://${farAddress}:${await pair.attach(server)}/page`;
      directory = mkdtempSync(`${tmpdir()}/wg-bridge-proxy-`);
    });
    after(async () => {
      await pair?.[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    });
    afterEach(async () => {
      await proxy?.close();
      proxy = undefined;
    });

    it("serve SOCKS5 and HTTP to curl, with users, and count", async () => {
      const users = [{ user: "alice", password: "pass:word" }];
      const running = await open({ socks5: ["0"], http: ["0"], users });
      const socks5 = only(running.addresses.socks5);
      const http = only(running.addresses.http);
      const user = ["--proxy-user", "alice:pass:word"];
      assert.equal(await curl("--socks5-hostname", socks5, ...user, page), "GET /page");
      assert.equal(await curl("--proxy", http, ...user, page), "GET /page");
      assert.equal(await curl("--proxy", http, ...user, "-p", "-d", "x", page), "POST /page");
      await assert.rejects(curl("--socks5-hostname", socks5, page), { code: 97 });
      const refused = await curl("--proxy", http, "-o", "/dev/null", "-w", "%{http_code}", page);
      assert.equal(refused, "407");
      const { socks5: [counts] = [], http: [other] = [] } = await running.stats();
      assert.equal(counts?.accepted, 2);
      assert.equal(counts?.denied, 1);
      assert.ok((counts?.receivedBytes ?? 0) > 0 && (other?.sentBytes ?? 0) > 0);
    });

    it("share one Unix socket", async () => {
      const path = `${directory}/proxy`;
      const running = await open({ socks5: [{ path }], http: [`unix:${path}`] });
      assert.deepEqual(running.addresses, { socks5: [{ path }], http: [{ path }], forward: [] });
      assert.equal(await curl("--proxy", `socks5h://localhost${path}`, page), "GET /page");
    });

    it("forward into the tunnel, and expose to it", async () => {
      const local = createServer((socket) => socket.end("from this machine"));
      local.listen(0, "127.0.0.1");
      await once(local, "listening");
      const address = local.address();
      assert.ok(address !== null && typeof address === "object");
      const target = new URL(page).host;
      const running = await open({
        forward: [`127.0.0.1:0=${target}`],
        expose: [`8080=localhost:${address.port}`],
      });
      const forward = only(running.addresses.forward);
      assert.equal(await curl(`http://${forward}/other`), "GET /other");
      const caller = await pair.far.connect({ host: nearAddress, port: 8080 });
      let text = "";
      for await (const piece of caller) text += piece;
      assert.equal(text, "from this machine");
      // Its connection ends once the caller's own end has come through: to close the proxy before would reset it.
      local.close();
      await once(local, "close");
    });

    it("change without ending a connection", async () => {
      const echo = await serveEcho(pair);
      const running = await open({ forward: [`127.0.0.1:0=${farAddress}:${echo}`] });
      const [before] = running.addresses.forward;
      const socket = await dial(portOf(before));
      await echoes(socket);
      await running.update({ forward: [`127.0.0.1:0=${new URL(page).host}`], socks5: ["0"] });
      assert.deepEqual(running.addresses.forward, [before]);
      await echoes(socket);
      assert.equal(await curl(`http://${only(running.addresses.forward)}/new`), "GET /new");
      await running.update({ socks5: ["0"] });
      await assert.rejects(dial(portOf(before)), { code: "ECONNREFUSED" });
      await echoes(socket);
      const closed = running.close({ timeout: 60_000 });
      await echoes(socket);
      socket.end();
      await closed;
    });

    it("reset what is open when they are closed", async () => {
      const echo = await serveEcho(pair);
      const running = await open({ forward: [`127.0.0.1:0=${farAddress}:${echo}`] });
      const socket = await dial(portOf(running.addresses.forward[0]));
      await echoes(socket);
      const failed = once(socket, "error");
      await running.close();
      const [error]: unknown[] = await failed;
      assert.equal(error instanceof Error && Reflect.get(error, "code"), "ECONNRESET");
      await assert.rejects(running.stats(), { code: "ENOENT" });
      await running.close();
    });

    it("reach only what is allowed", async () => {
      const running = await open({ http: ["0"], allow: ["*.example.org", "192.0.2.0/24"] });
      const http = only(running.addresses.http);
      const status = ["-o", "/dev/null", "-w", "%{http_code}"];
      assert.equal(await curl("--proxy", http, ...status, page), "403");
      await running.update({ http: ["0"], allow: [farAddress] });
      assert.equal(await curl("--proxy", http, page), "GET /page");
    });

    it("refuse what is taken, what would let everybody in, and a loop", async () => {
      const running = await open({ http: ["0"] });
      const taken = only(running.addresses.http);
      await assert.rejects(pair.tunnel.proxy({ socks5: ["0", taken] }), (error: Error) => {
        assert.equal(Reflect.get(error, "code"), "EADDRINUSE");
        return error.message.includes(taken);
      });
      await assert.rejects(pair.tunnel.proxy({ socks5: ["0.0.0.0:0"] }), {
        code: "WG_BRIDGE_VALUE",
      });
      const { peers } = await pair.tunnel.status();
      const { endpoint } = peers[0] ?? {};
      assert.ok(endpoint);
      const loop = `${endpoint.host}:${endpoint.port}=${farAddress}:1/udp`;
      await assert.rejects(pair.tunnel.proxy({ forward: [loop] }), /carry itself/);
      const wide = `0.0.0.0:${endpoint.port}=${farAddress}:1/udp`;
      await assert.rejects(pair.tunnel.proxy({ forward: [wide], open: true }), /carry itself/);
      await using other = await pair.tunnel.proxy({ forward: [`0=${farAddress}:1/udp`] });
      const publicKey = peers[0]?.publicKey ?? "";
      const at = `127.0.0.1:${portOf(other.addresses.forward[0])}`;
      const changed = { peers: [{ publicKey, endpoint: at, allowedIps: [] }] };
      await assert.rejects(pair.tunnel.update(changed), /carry itself/);
      await assert.rejects(pair.tunnel.apply(changed), /carry itself/);
      await assert.rejects(pair.tunnel.proxy({ http: ["0"] }, AbortSignal.abort()), {
        name: "AbortError",
      });
    });
  });
}

/** Sends back what comes, and does not mind how a connection ends. */
function serveEcho(pair: EnginePair): Promise<number> {
  return pair.serve((socket) => socket.on("error", () => {}).pipe(socket));
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function echoes(socket: Socket): Promise<void> {
  const back = once(socket, "data");
  socket.write("hello");
  const [data]: unknown[] = await back;
  assert.equal(String(data), "hello");
}
