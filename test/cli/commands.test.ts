import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { assertNothingLeft, endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

const run = promisify(execFile);
const key = `${"A".repeat(42)}E=`;

function wg(args: readonly string[], input = "") {
  return spawnSync("wg", args, { input, encoding: "utf8" });
}

let directory = "";
before(() => {
  directory = mkdtempSync(`${tmpdir()}/verbs-`);
});
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe("wg-bridge genkey, genpsk and pubkey", () => {
  it("make keys that wg accepts", () => {
    const made = runBridge(["genkey"]).stdout;
    assert.match(made, /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n$/);
    assert.equal(runBridge(["pubkey"], made).stdout, wg(["pubkey"], made).stdout);
    assert.equal(wg(["pubkey"], runBridge(["genpsk"]).stdout).status, 0);
  });

  it("refuse what is not a key, as wg does, without printing it", () => {
    for (const input of ["", "short", `${key}x`, Buffer.from(key, "base64").toString("hex")]) {
      assert.notEqual(wg(["pubkey"], input).status, 0);
      const { status, stdout, stderr } = runBridge(["pubkey"], input);
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.ok(input === "" || !stderr.includes(input));
    }
    assert.equal(runBridge(["genkey", "word"]).status, 1);
  });

  it("warn, in wg's words, about a file that everyone may read", () => {
    for (const program of ["wg", bridge]) {
      for (const [mask, warned] of [
        ["022", true],
        ["077", false],
      ] as const) {
        const path = `${directory}/made-${mask}`;
        rmSync(path, { force: true });
        const script = `umask ${mask}; exec "$0" genkey > "$1"`;
        const { stderr } = spawnSync("sh", ["-c", script, program, path], { encoding: "utf8" });
        const text =
          "Warning: writing to world accessible file.\nConsider setting the umask to 077 and trying again.\n";
        assert.equal(stderr, warned ? text : "");
      }
    }
  });
});

describe("wg-bridge syncconf", () => {
  onlyInSandbox();
  endLeftTunnels("wgv0");
  const text = `[Interface]
PrivateKey = ${key}
Address = 10.0.0.1/24
[Peer]
PublicKey = ${"B".repeat(42)}A=
AllowedIPs = 10.0.0.2/32
`;

  it("makes an interface match a file, by path and from standard input", async () => {
    await using tunnel = await openTunnel({ name: "wgv0", backend: "exec" });
    assert.equal(runBridge(["syncconf", "wgv0", file("wgv0.conf", text)]).status, 0);
    const { privateKey, peers } = await tunnel.status();
    assert.equal(privateKey?.publicKey(), PrivateKey.from(key).publicKey());
    assert.deepEqual(peers[0]?.allowedIps, ["10.0.0.2/32"]);
    assert.equal(runBridge(["syncconf", "wgv0", "-"], "[Interface]\nFwMark = 7\n").status, 0);
    const after = await tunnel.status();
    assert.deepEqual([after.fwmark, after.peers.length, after.privateKey], [7, 0, undefined]);
  });

  it("explains what is wrong with a file or an interface, and changes nothing", async () => {
    await using tunnel = await openTunnel({ name: "wgv0", backend: "exec" });
    const { status, stderr } = runBridge(["syncconf", "wgv0", "-"], "[Interface]\nFwMark = x\n");
    assert.equal(status, 1);
    assert.match(stderr, /^wg-bridge: Line 2, column 10 of the configuration: .*FwMark/);
    assert.equal((await tunnel.status()).fwmark, undefined);
    assert.match(runBridge(["syncconf", "wgv9", "-"]).stderr, /No WireGuard program serves wgv9/);
    assert.match(runBridge(["syncconf", "wgv0", "/no/file"]).stderr, /cannot be read/);
  });
});

describe("wg-bridge check", () => {
  it("prints mistakes as compilers do, and exits with 0 only if there are none", () => {
    const good = runBridge(["check", file("good.conf", "[Interface]\n")]);
    assert.equal(good.stdout, `${directory}/good.conf: no mistakes\n`);
    assert.equal(good.status, 0);
    const bad = runBridge(["check", "-"], `[Interface]\nMTU = 1\nPrivateKey = ${key}x\n`);
    assert.equal(bad.status, 1);
    assert.match(
      bad.stdout,
      /^-:2:7: the value of MTU .*\n2 \| MTU = 1\n {10}\^\n-:3:14: the value of PrivateKey /,
    );
    assert.ok(!bad.stdout.includes(key));
    const json = JSON.parse(runBridge(["check", "--json", "-"], "[x]\n").stdout);
    assert.deepEqual([json[0].line, json[0].column], [1, 1]);
  });
});

describe("wg-bridge metrics", () => {
  onlyInSandbox();
  endLeftTunnels("wgv0");
  const config = `[Peer]\nPublicKey = ${key}\nAllowedIPs = 10.0.0.2/32, fd00::2/128\n`;

  it("prints the names and labels that dashboards use, and which backend serves", async () => {
    for (const backend of ["ffi", "exec"] as const) {
      await using tunnel = await openTunnel({ name: "wgv0", backend });
      await tunnel.apply(config);
      const { stdout } = await run(bridge, ["metrics"]);
      const labels = `{interface="wgv0",public_key="${key}",allowed_ips="10.0.0.2/32,fd00::2/128"}`;
      for (const name of ["sent_bytes_total", "received_bytes_total", "latest_handshake_seconds"]) {
        assert.ok(stdout.includes(`\nwireguard_${name}${labels} 0\n`), stdout);
      }
      assert.ok(
        stdout.includes(`wg_bridge_interface_info{interface="wgv0",backend="${backend}"} 1`),
      );
      assert.ok(!stdout.includes("handshake_age_seconds{"));
    }
  });

  it("serves them on loopback until a signal, and then exits with 0", async () => {
    await using tunnel = await openTunnel({ name: "wgv0", backend: "exec" });
    await tunnel.apply(config);
    const server = spawn(bridge, ["metrics", "--listen"], { stdio: ["ignore", "ignore", "pipe"] });
    const [line] = await once(server.stderr, "data");
    assert.equal(String(line), "wg-bridge: serving http://127.0.0.1:9586/metrics\n");
    const answer = await fetch("http://127.0.0.1:9586/metrics");
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(await answer.text(), /^wireguard_sent_bytes_total\{interface="wgv0"/m);
    assert.equal((await fetch("http://127.0.0.1:9586/else")).status, 404);
    const post = await fetch("http://127.0.0.1:9586/metrics", { method: "POST" });
    assert.equal(post.status, 405);
    const second = runBridge(["metrics", "--listen=127.0.0.1:9586"]);
    assert.match(second.stderr, /cannot be served at 127\.0\.0\.1:9586/);
    server.kill("SIGTERM");
    assert.deepEqual(await once(server, "exit"), [0, null]);
  });
});

describe("wg-bridge up and down", () => {
  onlyInSandbox();
  endLeftTunnels("wgv1");

  for (const backend of ["ffi", "exec"]) {
    it(`run wg-quick, with tunnels on ${backend}`, async () => {
      const touched = `${directory}/touched-${backend}`;
      const text = `[Interface]
PrivateKey = ${key}
Address = 10.5.0.1/24
MTU = 1390
Table = off
PostUp = echo %i > ${touched}
PostDown = rm ${touched}
[Peer]
PublicKey = ${"B".repeat(42)}A=
AllowedIPs = 10.5.0.2/32
`;
      const path = file("wgv1.conf", text);
      const up = await run(bridge, ["up", `--backend=${backend}`, path]);
      assert.match(up.stderr, /ip -4 address add 10\.5\.0\.1\/24 dev wgv1/);
      assert.equal(readFileSync(touched, "utf8"), "wgv1\n");
      assert.equal(readFileSync("/sys/class/net/wgv1/mtu", "utf8"), "1390\n");
      const metrics = await run(bridge, ["metrics", "wgv1"]);
      assert.ok(metrics.stdout.includes(`backend="${backend}"`), metrics.stdout);
      await run(bridge, ["down", path]);
      assert.ok(!existsSync(touched));
      while (existsSync("/sys/class/net/wgv1")) await new Promise((done) => setImmediate(done));
      assertNothingLeft("wgv1");
    });
  }

  it("return wg-quick's exit code and messages if it fails", () => {
    const { status, stderr } = runBridge(["up", "/no/such.conf"]);
    assert.equal(status, 1);
    assert.match(stderr, /does not exist/);
    assert.match(runBridge(["up", "--backend=other", "x"]).stderr, /There is no backend/);
    assert.match(runBridge(["up"]).stderr, /Give one file or interface/);
  });

  it("name the package if wg-quick is not installed", () => {
    // The directory of Node.js is always searched: here it holds nothing else.
    const node = `${directory}/bin/node`;
    mkdirSync(`${directory}/bin`);
    copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
    const env = { ...process.env, PATH: "/nowhere" };
    const { stderr, status } = spawnSync(node, [bridge, "up", "x"], {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 1);
    assert.match(stderr, /wg-quick is not installed.*wireguard-tools/);
  });
});
