import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/artifacts.js";
import { bridge, runBridge } from "../cli/programs.js";
import { assertNothingLeft, ip, onlyInSandbox } from "../sandbox.js";
import { describeOn, linesOf } from "./installed.js";

const life = fileURLToPath(new URL("life.js", import.meta.url));

const prefersFfi = "auto uses ffi: auto prefers ffi, and its library can be used.";
const byExec = "exec uses exec: exec was asked for.";

/** What `life` prints if ffi is refused. */
function onlyExec(code: string, reason: string): readonly string[] {
  return [`auto uses exec: auto falls back on exec: ${reason}`, `ffi fails: ${code}: ${reason}`];
}

/** Checks that no command prints a stack if its reader goes before it has printed everything. */
function itSurvivesBrokenPipes(command: readonly string[]): void {
  it("prints no stack if the reader of its output goes", () => {
    const directory = mkdtempSync(`${tmpdir()}/wg-bridge-pipe-`);
    try {
      // More text than a pipe holds.
      const peers = Array.from({ length: 900 }, () => {
        const key = randomBytes(32).toString("base64");
        return `[Peer]\nPublicKey = ${key}\nAllowedIPs = 10.0.0.0/8\n`;
      });
      writeFileSync(`${directory}/many.conf`, `[Interface]\n${peers.join("")}`, { mode: 0o600 });
      assert.equal(runBridge(["wg0"]).status, 0);
      assert.equal(runBridge(["setconf", "wg0", `${directory}/many.conf`]).stderr, "");
      for (const words of ["show wg0 dump", "show --watch wg0"]) {
        const script = `"$@" | head -c 1; echo "\${PIPESTATUS[0]}"`;
        const args = ["-c", script, "bash", ...command, bridge, ...words.split(" ")];
        const { stdout, stderr } = spawnSync("bash", args, { encoding: "utf8", timeout: 60_000 });
        assert.equal(stderr, "");
        assert.match(stdout, /^.141\n$/, words); // by SIGPIPE
      }
      ip("link", "del", "wg0");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

describeOn(["node", "24"], "", (node) => {
  onlyInSandbox();

  it("opens tunnels on both backends", () => {
    assert.deepEqual(linesOf([...node, life, "auto", "exec"]), [prefersFfi, byExec]);
  });
});

describeOn(["deno"], "", (deno) => {
  onlyInSandbox();

  it("opens tunnels on both backends", () => {
    assert.deepEqual(linesOf([...deno, life, "auto", "exec"]), [prefersFfi, byExec]);
  });

  itSurvivesBrokenPipes(deno);

  it("needs no more permissions than docs/runtimes.md lists", () => {
    const program = `
      import { openTunnel } from "${packageRoot}/dist/src/index.js";
      const backend = Deno.args[0];
      const tunnel = await openTunnel({ name: "wg0", backend, config: { peers: [] }, addresses: ["10.8.0.1/24"] });
      console.log(tunnel.backend, (await tunnel.status()).peers.length);
      await tunnel.close();`;
    const directory = mkdtempSync(`${tmpdir()}/wg-bridge-deno-`);
    try {
      writeFileSync(`${directory}/program.js`, program);
      const common = ["--no-prompt", "--allow-read", "--allow-env", "--allow-sys=uid"];
      const write = "--allow-write=/run/wireguard,/var/run/wireguard";
      const executable = `${packageRoot}/build/wireguard-go`;
      const permissions = {
        ffi: ["--allow-run=ip", "--allow-ffi"],
        exec: [`--allow-run=ip,${executable}`, "--allow-net=unix:/var/run/wireguard/wg0.sock"],
      };
      const [command = ""] = deno;
      for (const [backend, own] of Object.entries(permissions)) {
        const args = ["run", ...common, write, ...own, `${directory}/program.js`, backend];
        assert.deepEqual(linesOf([command, ...args]), [`${backend} 0`]);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describeOn(["bun"], "", (bun) => {
  onlyInSandbox();

  it("opens tunnels on exec, and refuses ffi with its reason", () => {
    const [version = ""] = linesOf([...bun, "--version"]);
    const reason = `Bun ${version} cannot read what a Go library in its process reports. Use --backend=exec, or run the program with Node.js.`;
    const printed = linesOf([...bun, life, "auto", "ffi"]);
    assert.deepEqual(printed, onlyExec("WG_BRIDGE_LIBRARY_LOAD", reason));
    assertNothingLeft("wgn1");
  });

  itSurvivesBrokenPipes(bun);
});

describeOn(["node-musl"], "", (node) => {
  onlyInSandbox();

  before(() => {
    const [path = ""] = node;
    const root = dirname(dirname(dirname(path)));
    symlinkSync(`${root}/ld-musl-x86_64.so.1`, "/run/ld-musl-x86_64.so.1");
  });

  it("opens tunnels on exec, and refuses ffi because of musl", () => {
    const reason =
      "This Node.js runs on musl, which cannot load a Go library into a running process. Use --backend=exec.";
    const printed = linesOf([...node, life, "auto", "ffi"]);
    assert.deepEqual(printed, onlyExec("WG_BRIDGE_LIBRARY_MUSL", reason));
  });
});
