import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { openTunnel, PrivateKey, type UserspaceTunnel } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

const run = promisify(execFile);
const nearAddress = "10.71.0.1";
const farAddress = "10.71.0.2";

async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("curl", ["-sS", "--max-time", "60", ...args]);
  return stdout;
}

const statusOnly = ["-o", "/dev/null", "-w", "%{http_code}"];

/** A running `wg-bridge proxy`. */
class Command implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #said = "";
  #heard = 0;

  constructor(args: readonly string[], under: readonly string[] = []) {
    const [program = "", ...words] = [...under, bridge, "proxy", ...args];
    this.child = spawn(program, words);
    this.#ended = once(this.child, "close");
    this.child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      this.#said += piece;
    });
  }

  /** Resolves with the groups of a pattern once standard error has a line that it has not matched before. */
  async says(pattern: RegExp): Promise<readonly string[]> {
    for (;;) {
      const found = pattern.exec(this.#said.slice(this.#heard));
      if (found !== null) {
        this.#heard += found.index + found[0].length;
        return found.slice(1);
      }
      const { exitCode, signalCode } = this.child;
      const over = exitCode !== null || signalCode !== null;
      assert.ok(!over, `It has ended (${exitCode}, ${signalCode}) and said: ${this.#said}`);
      await Promise.race([once(this.child.stderr, "data"), this.#ended]);
    }
  }

  /** Resolves with the exit code, and all that was said. */
  async ended(): Promise<{ readonly code: unknown; readonly said: string }> {
    const [code] = await this.#ended;
    return { code, said: this.#said };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`wg-bridge proxy on ${backend}`, function () {
    this.timeout(120_000);
    onlyInSandbox();

    const key = PrivateKey.generate();
    let far: UserspaceTunnel;
    let directory: string;
    let config: string;
    let interfaceText: string;
    let peerText: string;
    let web: string;
    let echo: string;

    const file = (name: string, text: string, mode = 0o600) => {
      const path = `${directory}/${name}`;
      writeFileSync(path, text, { mode });
      return path;
    };
    const start = (...args: readonly string[]) => new Command([`--backend=${backend}`, ...args]);

    before(async () => {
      directory = mkdtempSync(`${tmpdir()}/wg-bridge-command-`);
      const farKey = PrivateKey.generate();
      far = await openTunnel({
        network: "userspace",
        addresses: [farAddress],
        config: {
          privateKey: farKey,
          peers: [{ publicKey: key.publicKey(), allowedIps: [`${nearAddress}/32`] }],
        },
      });
      const { listenPort } = await far.status();
      interfaceText = `[Interface]\nPrivateKey = ${key.toBase64()}\nAddress = ${nearAddress}/32\n`;
      peerText = `[Peer]\nPublicKey = ${farKey.publicKey()}\nEndpoint = 127.0.0.1:${listenPort}\nAllowedIPs = ${farAddress}/32\n`;
      config = file("near.conf", interfaceText + peerText);
      const pages = createHttpServer((request, response) => response.end(`page ${request.url}`));
      const webServer = await far.listen({ port: 0, allowHalfOpen: true });
      webServer.on("connection", (socket) => pages.emit("connection", socket));
      web = `${farAddress}:${webServer.address()?.port}`;
      const echoServer = await far.listen({ port: 0, allowHalfOpen: true });
      echoServer.on("connection", (socket) => socket.on("error", () => {}).pipe(socket));
      echo = `${farAddress}:${echoServer.address()?.port}`;
    });
    after(async () => {
      await far?.close();
      rmSync(directory, { recursive: true, force: true });
    });

    it("serves SOCKS5 and HTTP with users to curl, and ends by SIGTERM with 0", async () => {
      const auth = file("users", "alice:secret\n");
      await using command = start(
        "--socks5=0",
        `--http=unix:${directory}/http`,
        `--auth=${auth}`,
        config,
      );
      const [socks5] = await command.says(/SOCKS5 at (\S+)/);
      assert.ok(socks5);
      await command.says(/HTTP at (unix:\S+)/);
      assert.equal(statSync(`${directory}/http`).mode & 0o777, 0o600);
      const user = ["--proxy-user", "alice:secret"];
      assert.equal(await curl("--socks5-hostname", socks5, ...user, `http://${web}/a`), "page /a");
      await assert.rejects(curl("--socks5-hostname", socks5, `http://${web}/a`), { code: 97 });
      command.child.kill("SIGTERM");
      const { code, said } = await command.ended();
      assert.equal(code, 0);
      assert.ok(!said.includes("secret"));
      assert.throws(() => statSync(`${directory}/http`), { code: "ENOENT" });
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
      const caller = await far.connect({ host: nearAddress, port: 8080 });
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
      const auth = file("changing", "alice:first\n");
      const [wire, rest] = [file("wire.conf", ""), interfaceText + peerText];
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
      const path = file(
        "alive.conf",
        `${interfaceText}CheckAlive = ${farAddress}\nCheckAliveInterval = 5\n${peerText}`,
      );
      await using command = start("--metrics=127.0.0.1:0", "--socks5=0", path);
      const [health] = await command.says(/\/readyz at (\S+)/);
      const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
      assert.match(await curl(`${health}/readyz`), /handshake \d+ s ago/);
      await curl("--socks5", socks5, `http://${web}/`);
      const metrics = await curl(`${health}/metrics`);
      assert.ok(
        metrics.includes(`wg_bridge_proxy_connections_total{kind="socks5",listen="${socks5}"} 1\n`),
      );
      assert.match(metrics, /^wireguard_received_bytes_total\{.*\} \d+$/m);
      const foreign = [...statusOnly, "-H", "Host: evil.example", `${health}/readyz`];
      assert.equal(await curl(...foreign), "421");
      writeFileSync(
        path,
        `${interfaceText}CheckAlive = 192.0.2.1\nCheckAliveInterval = 1\n${peerText}`,
      );
      command.child.kill("SIGHUP");
      await command.says(/All files were read again/);
      assert.equal(await curl(...statusOnly, `${health}/readyz`), "503");
    });

    if (backend === "exec") {
      it("exits with 1 once its engine is killed, and leaves nothing", async () => {
        await using command = start("--socks5=0", config);
        const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
        const { pid } = command.child;
        const [engine] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
        process.kill(Number(engine), "SIGKILL");
        const { code, said } = await command.ended();
        assert.equal(code, 1);
        assert.match(said, /wg-bridge: The tunnel .* was lost.*\n$|SIGKILL.*\n$/);
        await assertRefused(Number(socks5.split(":")[1]));
      });
    }

    it("sends to the peer's endpoint and nowhere else, whatever clients ask for", async () => {
      const trace = `${directory}/trace`;
      const calls = "trace=connect,sendto,sendmsg,sendmmsg";
      const named = file("named.conf", `${interfaceText}DNS = ${farAddress}\n${peerText}`);
      await using command = new Command(
        [`--backend=${backend}`, "--socks5=0", "--http=0", named],
        ["strace", "-f", "-qq", "-e", calls, "-o", trace],
      );
      const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
      const [http = ""] = await command.says(/HTTP at (\S+)/);
      assert.equal(await curl("--socks5", socks5, `http://${web}/`), "page /");
      assert.equal(await curl("--proxy", http, `http://${web}/`), "page /");
      await assert.rejects(curl("--socks5-hostname", socks5, "http://name.example/"), { code: 97 });
      for (const host of ["192.0.2.1", "127.0.0.1", "[2001:db8::1]", "[::1]"]) {
        await assert.rejects(curl("--socks5-hostname", socks5, `http://${host}/`), { code: 97 });
        const status = await curl(
          ...statusOnly,
          "--noproxy",
          "",
          "--proxy",
          http,
          `http://${host}/`,
        );
        assert.equal(status, "502");
      }
      const { pid } = command.child;
      const [node] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
      process.kill(Number(node), "SIGTERM");
      assert.equal((await command.ended()).code, 0);
      const { peers } = await far.status();
      assert.ok(peers[0]?.latestHandshake);
      const sent = readFileSync(trace, "utf8").match(/sa_family=AF_INET6?, [^}]*/g) ?? [];
      const endpoint = /Endpoint = .*:(\d+)/.exec(peerText)?.[1];
      const wanted = `sa_family=AF_INET, sin_port=htons(${endpoint}), sin_addr=inet_addr("127.0.0.1")`;
      assert.deepEqual([...new Set(sent)], [wanted]);
    });

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

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
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

async function echoes(socket: Socket): Promise<void> {
  const back = once(socket, "data");
  socket.write("hello");
  const [data]: unknown[] = await back;
  assert.equal(String(data), "hello");
}
