import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { PrivateKey } from "../../../src/index.js";
import { encodeStatus } from "../../../src/uapi/encode.js";
import { publicKeyHex } from "../../../src/values/key.js";
import { onlyInSandbox } from "../../sandbox.js";
import { FakeServer } from "../../uapi/fake-server.js";
import { StoppedServer } from "../../uapi/stopped-server.js";
import { bridge, runBridge } from "../programs.js";

describe("wg-bridge metrics --listen", () => {
  onlyInSandbox();
  let server: ChildProcess;
  let directory = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-metrics-`);
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Starts the server, and resolves with the line that it prints first. */
  async function start(...args: readonly string[]): Promise<string> {
    server = spawn(bridge, ["metrics", ...args], { stdio: ["ignore", "ignore", "pipe"] });
    assert.ok(server.stderr);
    const [line] = await once(server.stderr, "data");
    return String(line);
  }

  afterEach("stops the server", async () => {
    if (server.exitCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  });

  it("accepts an address as a separate argument, including IPv6", async () => {
    assert.equal(
      await start("--listen", "[::1]:9587"),
      "wg-bridge: serving http://[::1]:9587/metrics\n",
    );
    assert.equal((await fetch("http://[::1]:9587/metrics")).status, 200);
    await assert.rejects(fetch("http://127.0.0.1:9587/metrics"));
  });

  it("answers GET and HEAD of /metrics and /, and nothing else", async () => {
    await start("--listen");
    const requests: readonly (readonly [string, string, number])[] = [
      ["GET", "/", 200],
      ["GET", "/metrics", 200],
      ["GET", "/metrics?x=1", 200],
      ["HEAD", "/metrics", 200],
      ["GET", "/metrics/", 404],
      ["GET", "/favicon.ico", 404],
      ["POST", "/metrics", 405],
      ["DELETE", "/", 405],
    ];
    for (const [method, path, status] of requests) {
      const answer = await fetch(`http://127.0.0.1:9586${path}`, { method });
      assert.equal(answer.status, status, `${method} ${path}`);
      if (method === "HEAD") assert.equal(await answer.text(), "");
      if (status === 405) assert.equal(answer.headers.get("allow"), "GET, HEAD");
    }
  });

  it("continues after malformed requests", async () => {
    await start("--listen");
    for (const request of [
      "GET // HTTP/1.0\r\n\r\n",
      "GET http:// HTTP/1.0\r\n\r\n",
      "\0\r\n\r\n",
    ]) {
      const connection = connect(9586, "127.0.0.1");
      connection.end(request);
      assert.match(await text(connection), /^HTTP\/1\.1 4\d\d /);
    }
    assert.equal((await fetch("http://127.0.0.1:9586/metrics")).status, 200);
  });

  it("reports the current state at each scrape, with friendly names", async () => {
    const peer = PrivateKey.generate().publicKey();
    const names = `${directory}/wgm0.conf`;
    writeFileSync(names, `[Peer]\n# friendly_name=laptop\nPublicKey = ${peer}\n`, { mode: 0o600 });
    await using device = await FakeServer.start("wgm0", encodeStatus({ peers: [], unknown: [] }));
    await start("--listen", `--names=${names}`);
    const scrape = async () => (await fetch("http://127.0.0.1:9586/metrics")).text();
    assert.match(await scrape(), /interface_info\{interface="wgm0",backend="ffi"\} 1/);
    device.answer = Buffer.from(`public_key=${publicKeyHex(peer)}\nerrno=0\n\n`);
    assert.match(await scrape(), /^wireguard_sent_bytes_total\{.*friendly_name="laptop"\} 0$/m);
    await device[Symbol.asyncDispose]();
    assert.equal(await scrape(), "");
  });

  it("reports a named interface that does not exist as down", async () => {
    await using _device = await FakeServer.start("wgm0", encodeStatus({ peers: [], unknown: [] }));
    await start("--listen", "wgm0", "wgm9");
    const answer = await fetch("http://127.0.0.1:9586/metrics");
    assert.equal(answer.status, 200);
    const metrics = await answer.text();
    assert.match(metrics, /^wg_bridge_interface_up\{interface="wgm0"\} 1$/m);
    assert.match(metrics, /^wg_bridge_interface_up\{interface="wgm9"\} 0$/m);
  });

  it("reports an interface that does not answer as down, and can be stopped meanwhile", async () => {
    await using _device = await FakeServer.start("wgm0", encodeStatus({ peers: [], unknown: [] }));
    await using _stopped = await StoppedServer.start("wgm1");
    await start("--listen");
    const metrics = await (await fetch("http://127.0.0.1:9586/metrics")).text();
    assert.match(metrics, /^wg_bridge_interface_up\{interface="wgm0"\} 1$/m);
    assert.match(metrics, /^wg_bridge_interface_up\{interface="wgm1"\} 0$/m);
    assert.match(metrics, /^wg_bridge_interface_info\{interface="wgm1",backend="ffi"\} 1$/m);
    const disconnected = assert.rejects(fetch("http://127.0.0.1:9586/metrics"));
    server.kill("SIGTERM");
    assert.deepEqual(await once(server, "exit"), [0, null]);
    await disconnected;
  });

  it("reports a port in use, and refuses an invalid address", async () => {
    await start("--listen");
    const taken = runBridge(["metrics", "--listen"]);
    assert.equal(taken.status, 1);
    assert.match(taken.stderr, /^wg-bridge: Metrics cannot be served at 127\.0\.0\.1:9586 .*\n$/);
    for (const listen of ["--listen=9586", "--listen=:9586", "--listen=127.0.0.1:99999"]) {
      assert.match(runBridge(["metrics", listen]).stderr, /is not an endpoint/);
    }
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it(`exits with 0 on ${signal}, even with a client connected`, async () => {
      await start("--listen");
      const connection = connect(9586, "127.0.0.1");
      connection.on("error", () => {}); // the server disconnects it
      await once(connection, "connect");
      server.kill(signal);
      assert.deepEqual(await once(server, "exit"), [0, null]);
      connection.destroy();
    });
  }
});
