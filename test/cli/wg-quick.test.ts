import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { asRoot } from "../../src/cli/wg-quick.js";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { serverOf } from "../../src/uapi/server.js";
import { waitUntilFree } from "../../src/uapi/socket.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

const nearKey = PrivateKey.generate();
const farKey = PrivateKey.generate();

describe("wg-bridge up and down, with a peer in another namespace,", () => {
  onlyInSandbox();
  endLeftTunnels("wgq0", "wgq1", "show", "setcon");
  let directory = "";
  let path = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/it's wg-bridge-`);
    path = `${directory}/wgq0.conf`;
    ip("netns", "add", "quick");
  });
  after(() => {
    ip("netns", "delete", "quick");
    rmSync(directory, { recursive: true });
  });

  function writeConfig(more = ""): void {
    const text = `[Interface]
PrivateKey = ${nearKey.toBase64()}
ListenPort = 52871
Address = 10.71.0.1/32
Table = 4242
${more}
[Peer]
PublicKey = ${farKey.publicKey()}
Endpoint = 127.0.0.1:52872
AllowedIPs = 10.71.0.0/24
`;
    writeFileSync(path, text, { mode: 0o600 });
  }

  for (const backend of ["ffi", "exec"] as const) {
    it(`run a tunnel that carries packets on ${backend}, and leave nothing behind`, async () => {
      const far = {
        privateKey: farKey,
        listenPort: 52872,
        peers: [{ publicKey: nearKey.publicKey(), allowedIps: ["10.71.0.1"] }],
      };
      await using tunnel = await openTunnel({ name: "wgq1", backend: "exec", config: far });
      ip("link", "set", "wgq1", "netns", "quick");
      ip("-n", "quick", "address", "add", "10.71.0.2/24", "dev", "wgq1");
      ip("-n", "quick", "link", "set", "wgq1", "up");
      writeConfig("PostUp = ip rule add table 4242\nPostDown = ip rule delete table 4242");
      const rules = ip("rule");

      const up = runBridge(["up", `--backend=${backend}`, path]);
      assert.equal(up.status, 0, up.stderr);
      assert.match(ip("route", "show", "table", "4242"), /^10\.71\.0\.0\/24 dev wgq0/);
      // With a deadline, -c counts answers: before the engine knows that its interface is up, it drops packets.
      execFileSync("ping", ["-c", "3", "-w", "30", "-i", "0.05", "10.71.0.2"]);
      assert.ok((await tunnel.status()).peers[0]?.latestHandshake);
      const server = serverOf("wgq0");
      assert.equal(server?.program.endsWith("/wireguard-go"), backend === "exec");

      const down = runBridge(["down", path]);
      assert.equal(down.status, 0, down.stderr);
      assert.ok(await waitUntilFree("wgq0", 10_000));
      assertNothingLeft("wgq0");
      assert.equal(ip("rule"), rules);
      assert.equal(spawnSync("ip", ["route", "show", "table", "4242"]).stdout.length, 0);
    });
  }

  it("use the same Node.js, even if wg-quick would find another one first", async () => {
    mkdirSync(`${directory}/bin`);
    const node = `${directory}/bin/node`;
    copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
    writeConfig();
    const { status, stderr } = spawnSync(node, [bridge, "up", "--backend=ffi", path], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.equal(serverOf("wgq0")?.program, node);
    assert.equal(runBridge(["down", path]).status, 0);
    assert.ok(await waitUntilFree("wgq0", 10_000));
  });

  it("run an interface whose name is a command or resembles one", async () => {
    for (const name of ["show", "setcon"]) {
      const file = `${directory}/${name}.conf`;
      writeFileSync(file, `[Interface]\nPrivateKey = ${nearKey.toBase64()}\n`, { mode: 0o600 });
      const up = runBridge(["up", "--backend=exec", file]);
      assert.equal(up.status, 0, up.stderr);
      assert.equal(serverOf(name)?.program.endsWith("/wireguard-go"), true);
      const stripped = runBridge(["strip", file]);
      assert.equal(
        stripped.stdout,
        spawnSync("wg-quick", ["strip", file], { encoding: "utf8" }).stdout,
      );
      execFileSync("wg", ["set", name, "listen-port", "4567"]);
      assert.equal(runBridge(["save", file]).status, 0);
      assert.match(readFileSync(file, "utf8"), /^ListenPort = 4567$/m);
      assert.equal(runBridge(["down", file]).status, 0);
      assert.ok(await waitUntilFree(name, 10_000));
    }
  });

  it("print wg-quick's messages and return its exit code", () => {
    writeConfig("PreUp = exit 7");
    const { status, stderr } = spawnSync("wg-quick", ["up", path], { encoding: "utf8" });
    const ours = runBridge(["up", path]);
    assert.notEqual(status, 0);
    assert.deepEqual([ours.status, ours.stderr], [status, stderr]);
    assertNothingLeft("wgq0");
  });

  it("accept one operand, and up a backend as well", () => {
    const wrong = [["up"], ["down"], ["up", "a", "b"], ["down", "--backend=ffi", "a"], ["strip"]];
    for (const words of [...wrong, ["save", "a", "b"]]) {
      const { status, stderr } = runBridge(words);
      assert.equal(status, 1);
      assert.match(stderr, /^wg-bridge: [^\n]*: see wg-bridge (up|down|save|strip) --help\.\n$/);
    }
    assert.match(runBridge(["up", "--backend=kernel", "a"]).stderr, /no backend "kernel"/);
  });
});

describe("the command that root has to run", () => {
  onlyInSandbox();

  let directory = "";
  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-sudo-`);
    const sudo = '#!/bin/sh\nshift\nexec env -i PATH=/usr/bin:/bin "$@"\n';
    writeFileSync(`${directory}/sudo`, sudo, { mode: 0o755 });
  });
  after(() => rmSync(directory, { recursive: true }));

  it("is the command itself for root", () => {
    assert.deepEqual(asRoot(["wg-quick", "up", "x"], {}, true), ["wg-quick", "up", "x"]);
  });

  it("passes sudo the variables that a tunnel needs, and no others", () => {
    const env = {
      PATH: `${directory}:/usr/bin:/bin`,
      WG_QUICK_USERSPACE_IMPLEMENTATION: "wg_bridge",
      "BASH_FUNC_wg_bridge%%": "() { echo \"ran with '$1'\"\n}",
      WG_BRIDGE_BACKEND: "exec",
      WG_BRIDGE_DISABLE: "uso",
      SECRET: "secret",
    };
    const script =
      'wg_bridge wg0; echo "$WG_BRIDGE_BACKEND $WG_BRIDGE_DISABLE $SECRET"; echo "$PATH"';
    const [program = "", ...words] = asRoot(["bash", "--norc", "-c", script], env, false);
    assert.equal(program, `${directory}/sudo`);
    const { stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
    assert.equal(stderr, "");
    assert.equal(stdout, `ran with 'wg0'\nexec uso \n${env.PATH}\n`);
  });

  it("is an error if there is no sudo", () => {
    assert.throws(() => asRoot(["wg-quick"], { PATH: "/nowhere" }, false), {
      code: "WG_BRIDGE_PERMISSION",
    });
  });
});

/** A program that runs a script of bash as `wg-bridge up` runs wg-quick. */
const driver = `
import { runAttached } from "${packageRoot}/dist/src/cli/wg-quick.js";
process.exitCode = await runAttached(["bash", "--norc", "-c", process.argv[1]], process.env);
`;

// A signal just before read blocks does not interrupt it: its trap runs only between commands.
const untilInputEnds = "while read -t 1; [ $? -gt 128 ]; do :; done";

describe("a command that inherits our standard streams", () => {
  onlyInSandbox();

  let driving: ChildProcess | undefined;

  afterEach("ends what a test has left", () => {
    if (driving?.exitCode === null && driving.signalCode === null) driving.kill("SIGKILL");
    // A script that has lost its driver ends by these.
    for (const stream of driving?.stdio ?? []) stream?.destroy();
  });

  function start(script: string) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", driver, script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    driving = child;
    child.stdout.setEncoding("utf8");
    return { child, ended: once(child, "exit") };
  }

  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGHUP", 1],
    ["SIGINT", 2],
  ] as const) {
    it(`receives ${signal}, and is waited for`, async () => {
      const { child, ended } = start(
        `trap 'echo trapped; exit 5' ${number}; echo ready; ${untilInputEnds}`,
      );
      assert.deepEqual(await once(child.stdout, "data"), ["ready\n"]);
      child.kill(signal);
      assert.deepEqual(await once(child.stdout, "data"), ["trapped\n"]);
      assert.deepEqual(await ended, [5, null]);
    });
  }

  it("receives a signal that arrives as soon as it runs", async () => {
    const { ended } = start(`trap 'exit 5' TERM; kill -TERM $PPID; ${untilInputEnds}`);
    assert.deepEqual(await ended, [5, null]);
  });

  it("reads our standard input, and determines our exit code", async () => {
    const { child, ended } = start("read word; echo $word; exit 3");
    child.stdin.end("hello\n");
    assert.deepEqual(await once(child.stdout, "data"), ["hello\n"]);
    assert.deepEqual(await ended, [3, null]);
  });

  it("determines our exit code by the signal that ended it, as in a shell", async () => {
    const { ended } = start("kill -KILL $$");
    assert.deepEqual(await ended, [128 + 9, null]);
  });
});
