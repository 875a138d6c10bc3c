import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { userspaceExecutablePath } from "../../src/engine/files.js";
import { PrivateKey } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { runBridge } from "./programs.js";
import { Command, childrenOf, curl, dial, echoes, statusOnly } from "./proxy/command.js";
import { FarEnd, farAddress, nearAddress } from "./proxy/far-end.js";

const run = promisify(execFile);

for (const backend of ["exec", "ffi"] as const) {
  describe(`wg-bridge proxy on ${backend}`, function () {
    this.timeout(120_000);
    onlyInSandbox();

    let far: FarEnd;
    let config: string;
    let web: string;
    let echo: string;

    const start = (...args: readonly string[]) => new Command([`--backend=${backend}`, ...args]);

    before(async () => {
      far = await FarEnd.open();
      ({ config, web, echo } = far);
    });
    after(() => far?.[Symbol.asyncDispose]());

    it("serves SOCKS5 and HTTP with users to curl, and ends by SIGTERM with 0", async () => {
      const auth = far.file("users", "alice:secret\n");
      await using command = start(
        "--socks5=0",
        `--http=unix:${far.directory}/http`,
        `--auth=${auth}`,
        config,
      );
      const [socks5] = await command.says(/SOCKS5 at (\S+)/);
      assert.ok(socks5);
      await command.says(/HTTP at (unix:\S+)/);
      assert.equal(statSync(`${far.directory}/http`).mode & 0o777, 0o600);
      const user = ["--proxy-user", "alice:secret"];
      assert.equal(await curl("--socks5-hostname", socks5, ...user, `http://${web}/a`), "page /a");
      await assert.rejects(curl("--socks5-hostname", socks5, `http://${web}/a`), { code: 97 });
      command.child.kill("SIGTERM");
      const { code, said } = await command.ended();
      assert.equal(code, 0);
      assert.ok(!said.includes("secret"));
      assert.throws(() => statSync(`${far.directory}/http`), { code: "ENOENT" });
    });

    it("forwards, and exposes a port", async () => {
      const local = createServer((socket) => socket.end("from here"));
      local.listen(0, "127.0.0.1");
      await once(local, "listening");
      const address = local.address();
      assert.ok(typeof address === "object" && address !== null);
      await using command = start(
        `--forward=0=${web}`,
        `--expose=8080=127.0.0.1:${address.port}`,
        config,
      );
      const [forward] = await command.says(/tcp (\S+) leads to/);
      await command.says(/port 8080 of the tunnel/);
      assert.equal(await curl(`http://${forward}/b`), "page /b");
      const caller = await far.tunnel.connect({ host: nearAddress, port: 8080 });
      let text = "";
      for await (const piece of caller) text += piece;
      assert.equal(text, "from here");
      local.close();
    });

    it("joins standard input and output to a target, and ends with it", async () => {
      await using command = start(`--stdio=${echo}`, config);
      command.child.stdin.end("through standard input");
      let text = "";
      for await (const piece of command.child.stdout) text += piece;
      assert.equal(text, "through standard input");
      assert.equal((await command.ended()).code, 0);
      // ssh keeps its side open until it is told of the end.
      await using ended = start(`--stdio=${web}`, config);
      ended.child.stdin.write("GET /c HTTP/1.0\r\n\r\n");
      let page = "";
      for await (const piece of ended.child.stdout) page += piece;
      assert.match(page, /^HTTP\/1\.1 200 .*\r\npage \/c$/s);
      assert.equal((await ended.ended()).code, 0);
      await using refused = start(`--stdio=${farAddress}:1`, config);
      const { code, said } = await refused.ended();
      assert.equal(code, 1);
      assert.match(said, /ECONNREFUSED 10\.71\.0\.2:1/);
    });

    it("is a ProxyCommand by ncat", async () => {
      await using command = start("--socks5=0", config);
      const [socks5] = await command.says(/SOCKS5 at (\S+)/);
      const [host, port] = echo.split(":");
      const ncat = run("ncat", [
        "--proxy",
        `${socks5}`,
        "--proxy-type",
        "socks5",
        `${host}`,
        `${port}`,
      ]);
      ncat.child.stdin?.end("by ncat");
      assert.equal((await ncat).stdout, "by ncat");
    });

    it("reads all files again at SIGHUP, and ends no connection", async () => {
      const auth = far.file("changing", "alice:first\n");
      const [wire, rest] = [far.file("wire.conf", ""), far.interfaceText + far.peerText];
      const port = await freePort();
      writeFileSync(
        wire,
        `${rest}[TCPClientTunnel]\nBindAddress = 127.0.0.1:${port}\nTarget = ${echo}\n`,
      );
      await using command = start("--http=0", `--auth=${auth}`, wire);
      const [http] = await command.says(/HTTP at (\S+)/);
      assert.ok(http);
      await command.says(/tcp \S+ leads to/);
      const socket = await dial(port);
      await echoes(socket);
      writeFileSync(auth, "alice:second\n");
      writeFileSync(wire, rest);
      command.child.kill("SIGHUP");
      await command.says(/All files were read again/);
      const ask = (password: string) =>
        curl("--proxy", http, "--proxy-user", `alice:${password}`, ...statusOnly, `http://${web}`);
      assert.equal(await ask("first"), "407");
      assert.equal(await ask("second"), "200");
      await echoes(socket);
      await assert.rejects(dial(port), { code: "ECONNREFUSED" });
      writeFileSync(auth, "no colon\n");
      command.child.kill("SIGHUP");
      await command.says(/not all of them is used: .*line 1/);
      assert.equal(await ask("second"), "200");
      // SIGTERM waits for what runs.
      command.child.kill("SIGTERM");
      await assertRefused(Number(http.split(":")[1]));
      await echoes(socket);
      socket.end();
      assert.equal((await command.ended()).code, 0);
    });

    it("changes its peers at SIGHUP", async () => {
      const path = far.file("peers.conf", far.interfaceText + far.peerText);
      await using command = start("--http=0", path);
      const [http = ""] = await command.says(/HTTP at (\S+)/);
      const ask = () => curl("--proxy", http, ...statusOnly, `http://${web}/`);
      assert.equal(await ask(), "200");
      writeFileSync(path, far.interfaceText + far.peerText.replace(`${farAddress}/32, `, ""));
      command.child.kill("SIGHUP");
      await command.says(/All files were read again/);
      assert.equal(await ask(), "502");
    });

    it("does not wait after a second SIGTERM", async () => {
      await using command = start(`--forward=0=${echo}`, config);
      const [forward = ""] = await command.says(/tcp (\S+) leads to/);
      const port = Number(forward.split(":")[1]);
      const socket = await dial(port);
      await echoes(socket);
      const closed = new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
      command.child.kill("SIGTERM");
      await assertRefused(port);
      command.child.kill("SIGTERM");
      assert.equal((await command.ended()).code, 0);
      await closed;
    });

    it("serves /metrics and /readyz", async () => {
      const path = far.file(
        "alive.conf",
        `${far.interfaceText}CheckAlive = ${farAddress}\nCheckAliveInterval = 5\n${far.peerText}`,
      );
      const expose = "--expose=8080=127.0.0.1:9";
      await using command = start("--metrics=127.0.0.1:0", "--socks5=0", expose, path);
      await command.says(/Warning: The configuration names no DNS server/);
      const [health] = await command.says(/\/readyz at (\S+)/);
      const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
      assert.match(await curl(`${health}/readyz`), /handshake \d+ s ago/);
      await curl("--socks5", socks5, `http://${web}/`);
      const metrics = await curl(`${health}/metrics`);
      assert.ok(
        metrics.includes(`wg_bridge_proxy_connections_total{kind="socks5",listen="${socks5}"} 1\n`),
      );
      await assert.rejects(curl("--socks5-hostname", socks5, "http://name.example/"), { code: 97 });
      assert.match(
        await curl(`${health}/metrics`),
        /^wg_bridge_network_failed_lookups_total\{reason="no_server"\} 1$/m,
      );
      assert.match(metrics, /^wg_bridge_proxy_connections\{kind="expose",listen="8080\/tcp"\} 0$/m);
      assert.match(metrics, /^wireguard_received_bytes_total\{.*\} \d+$/m);
      const foreign = [...statusOnly, "-H", "Host: evil.example", `${health}/readyz`];
      assert.equal(await curl(...foreign), "421");
      writeFileSync(
        path,
        `${far.interfaceText}CheckAlive = 192.0.2.1\nCheckAliveInterval = 1\n${far.peerText}`,
      );
      command.child.kill("SIGHUP");
      await command.says(/All files were read again/);
      assert.equal(await curl(...statusOnly, `${health}/readyz`), "503");
    });

    if (backend === "exec") {
      it("serves at the same addresses again after its engine was killed", async () => {
        await using command = start("--socks5=0", `--forward=0=${echo}`, "--metrics=0", config);
        const [health] = await command.says(/\/readyz at (\S+)/);
        const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
        const [forward = ""] = await command.says(/tcp (\S+) leads to/);
        const port = Number(forward.split(":")[1]);
        const socket = await dial(port);
        await echoes(socket);
        const ended = once(
          socket.on("error", () => {}),
          "close",
        );
        const [engine] = childrenOf(command.child.pid);
        process.kill(Number(engine), "SIGKILL");
        await command.says(/was started again, and its proxies/);
        await ended;
        assert.equal(await curl("--socks5-hostname", socks5, `http://${web}/b`), "page /b");
        const again = await dial(port);
        await echoes(again);
        again.end();
        const metrics = await curl(`${health}/metrics`);
        assert.match(metrics, /wg_bridge_proxy_connections_total\{kind="socks5",.*\} 1\n/);
        command.child.kill("SIGTERM");
        assert.equal((await command.ended()).code, 0);
        await assertRefused(port);
      });

      it("exits with 1 if its engine cannot be started again, and leaves nothing", async () => {
        const program = `${far.directory}/engine`;
        copyFileSync(userspaceExecutablePath({}), program);
        const env = { ...process.env, WIREGUARD_GO_USERSPACE_EXECUTABLE: program };
        await using command = new Command(["--backend=exec", "--socks5=0", config], [], env);
        const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
        rmSync(program);
        const [engine] = childrenOf(command.child.pid);
        process.kill(Number(engine), "SIGKILL");
        const { code, said } = await command.ended();
        assert.equal(code, 1);
        assert.match(said, /It is started again in 100 ms.*SIGKILL[^\n]*\n$/s);
        await assertRefused(Number(socks5.split(":")[1]));
      });
    }

    it("logs targets only if it is asked to", async () => {
      for (const words of [[], ["--verbose"]]) {
        await using command = start("--socks5=0", ...words, config);
        const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
        await curl("--socks5", socks5, `http://${web}/`);
        command.child.kill("SIGTERM");
        const { said } = await command.ended();
        assert.equal(said.includes(`connected to ${web}`), words.length > 0);
      }
    });

    it("says at once that a target is outside the allowed IPs, which it names", async () => {
      const reason = `no peer's allowed IPs hold 192.0.2.1: they are ${farAddress}/32`;
      await using command = start("--socks5=0", "--http=0", "--verbose", config);
      const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
      const [http = ""] = await command.says(/HTTP at (\S+)/);
      await assert.rejects(curl("--socks5", socks5, "http://192.0.2.1/"), /192\.0\.2\.1.*\(4\)/);
      const answer = await curl("--proxy", http, "-w", " %{http_code}", "http://192.0.2.1/");
      assert.ok(answer.includes(reason) && answer.endsWith(" 502"), answer);
      command.child.kill("SIGTERM");
      const { said } = await command.ended();
      assert.equal(said.split(reason).length, 3, said);
    });

    it("says why it does not start, and exits with 1", () => {
      const taken = runBridge([
        "proxy",
        `--backend=${backend}`,
        "--socks5=192.0.2.1:1",
        "--open",
        config,
      ]);
      assert.equal(taken.status, 1);
      assert.match(taken.stderr, /192\.0\.2\.1:1.*EADDRNOTAVAIL|EADDRNOTAVAIL.*192\.0\.2\.1:1/);
    });
  });
}

describe("wg-bridge proxy", function () {
  this.timeout(120_000);
  onlyInSandbox();

  it("says what is wrong with its options and files", () => {
    const directory = mkdtempSync(`${tmpdir()}/wg-bridge-command-`);
    const config = `${directory}/near.conf`;
    const bare = `[Interface]\nPrivateKey = ${PrivateKey.generate().toBase64()}\n`;
    writeFileSync(config, bare, { mode: 0o600 });
    try {
      for (const [words, pattern] of [
        [["--socks5=0.0.0.0:1080", config], /not a loopback address.*--auth FILE/],
        [[`${directory}/missing.conf`], /cannot be read/],
        [[], /Give one file: see wg-bridge proxy --help/],
        [["--stdio=a:1", "-"], /standard input cannot be the configuration/],
        [["--dns=name", config], /not an IP address/],
        [[config], /needs an address/],
      ] as const) {
        const { status, stderr } = runBridge(["proxy", "--backend=exec", ...words]);
        assert.equal(status, 1);
        assert.match(stderr, pattern);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("has its files checked by wg-bridge check, wireproxy's as well", () => {
    const start = `[Interface]\nPrivateKey = ${PrivateKey.generate().toBase64()}\nAddress = 10.0.0.1\n`;
    const good = `${start}[Peer]\nPublicKey = ${PrivateKey.generate().publicKey()}\n[Socks5]\nBindAddress = 127.0.0.1:1080\n`;
    assert.equal(runBridge(["check", "-"], good).stdout, "-: no mistakes\n");
    const bad = `${good}Username = ann\nPassword = very secret\n[http]\nBindAddress = 1080x\n`;
    const { status, stdout } = runBridge(["check", "-"], bad);
    assert.equal(status, 1);
    assert.match(stdout, /^-:11:/);
    assert.ok(!stdout.includes("secret"));
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

/** Waits until nobody listens any more. */
async function assertRefused(port: number): Promise<void> {
  for (;;) {
    try {
      (await dial(port)).on("error", () => {}).destroy();
    } catch (error) {
      const code: unknown = Reflect.get(Object(error), "code");
      if (code === "ECONNREFUSED") return;
      assert.equal(code, "ECONNRESET"); // it was still in the queue
    }
  }
}
