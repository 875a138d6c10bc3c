import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import { exchangeOverSocket, waitUntilFree } from "../../src/uapi/socket.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { ours, type Program, Running, runToEnd } from "./programs.js";

const [, exec] = ours;
assert.ok(exec);

/** Upstream's program goes into the background before it serves; wg-bridge waits until it does. */
const viaUpstream: Program = {
  ...exec,
  title: "wg-bridge with upstream's executable",
  env: { ...exec.env, WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath },
};

/** Returns the pids of the processes whose last argument is this interface. */
function serving(name: string): string[] {
  return readdirSync("/proc").filter((entry) => {
    const path = `/proc/${entry}/cmdline`;
    return /^\d+$/.test(entry) && readFileSync(path, "utf8").endsWith(`\0${name}\0`);
  });
}

/** Deletes an interface and waits for its program to end. */
async function end(name: string): Promise<void> {
  ip("link", "del", name);
  assert.ok(await waitUntilFree(name, 10_000));
}

for (const program of [...ours, viaUpstream]) {
  describe(`${program.title} in the background`, () => {
    onlyInSandbox();
    endLeftTunnels("wg1", "wgfd");

    it("returns once the tunnel answers, and keeps none of its caller's streams open", async () => {
      const { code, stdout } = runToEnd(program, ["wg1"]);
      assert.equal(code, 0);
      assert.equal(stdout, "");
      assert.match(
        String(await exchangeOverSocket("wg1", Buffer.from("get=1\n\n"))),
        /errno=0\n\n$/,
      );
      await end("wg1");
      assertNothingLeft("wg1");
    });

    it("uses a name again as soon as its interface is deleted", async () => {
      for (let time = 0; time < 3; time++) {
        assert.equal(runToEnd(program, ["wg1"]).code, 0);
        ip("link", "del", "wg1");
        await waitUntilFree("wg1", 10_000);
      }
    });

    it("continues to log to its caller's streams if LOG_LEVEL is set", async () => {
      const starter = new Running(program, ["wg1"], { LOG_LEVEL: "verbose" });
      const exited = new Promise((resolve) => starter.process.on("exit", resolve));
      assert.equal(await exited, 0);
      ip("link", "del", "wg1");
      // The tunnel's process has held the pipe open until now.
      assert.match((await starter.ended).stdout, /^DEBUG: \(wg1\) .*Device clos/m);
    });

    it("keeps none of its caller's streams open if LOG_LEVEL is silent", async () => {
      assert.equal(runToEnd(program, ["wg1"], { LOG_LEVEL: "silent" }).code, 0);
      await end("wg1");
    });

    it("exits with 1 if it cannot create the interface, and reports that on standard error", () => {
      ip("link", "add", "wg1", "type", "veth", "peer", "name", "wg1peer");
      try {
        const { code, stderr } = runToEnd(program, ["wg1"]);
        assert.equal(code, 1);
        const cause = program.env.WIREGUARD_GO_EXECUTABLE ? /printed above/ : /wg1 exists already/;
        assert.match(stderr.split("\n").at(-2) ?? "", cause);
      } finally {
        ip("link", "del", "wg1");
      }
      assertNothingLeft("wg1");
    });
  });
}

describe("wg-bridge in the background", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-background-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  function viaProgram(content: string): Program {
    const path = join(directory, "program");
    writeFileSync(path, content);
    chmodSync(path, 0o755);
    assert.ok(exec);
    return { ...exec, env: { ...exec.env, WIREGUARD_GO_EXECUTABLE: path } };
  }

  it("fails if a program exits with 0 without a tunnel", () => {
    const { code, stderr } = runToEnd(viaProgram("#!/bin/sh\n"), ["wg1"]);
    assert.equal(code, 1);
    assert.match(stderr, /there is no tunnel/);
  });

  it("reports that a program was killed", () => {
    const { code, stderr } = runToEnd(viaProgram("#!/bin/sh\nkill -KILL $$\n"), ["wg1"]);
    assert.equal(code, 1);
    assert.match(stderr, /killed by SIGKILL/);
  });

  it("falls back on exec if the library crashes the process that loads it, and reports that", async () => {
    const library = join(directory, "crash.so");
    writeFileSync(
      `${library}.c`,
      "#include <stdlib.h>\n__attribute__((constructor)) void start(void) { abort(); }\n",
    );
    execFileSync("gcc", ["-shared", "-fPIC", "-o", library, `${library}.c`]);
    assert.ok(exec);
    const settings = { WIREGUARD_GO_BRIDGE_LIB_PATH: library };
    const auto: Program = { ...exec, env: { WG_BRIDGE_BACKEND: "auto" } };
    const started = runToEnd(auto, ["wg1"], settings);
    assert.equal(started.code, 0, started.stderr);
    assert.match(started.stderr, /^wg-bridge: auto falls back on exec: .*SIGABRT[^\n]*\n$/);
    await end("wg1");
    const ffi: Program = { ...exec, env: { WG_BRIDGE_BACKEND: "ffi" } };
    const refused = runToEnd(ffi, ["wg1"], settings);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^wg-bridge: .*SIGABRT[^\n]*\n$/);
    assertNothingLeft("wg1");
  });

  it("runs the library's tunnel in a session of its own", async () => {
    const [ffi] = ours;
    assert.ok(ffi);
    assert.equal(runToEnd(ffi, ["wg1"]).code, 0);
    const own = readFileSync("/proc/self/stat", "utf8").split(" ")[5];
    const [pid = ""] = serving("wg1");
    const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[5];
    assert.equal(session, pid);
    assert.notEqual(session, own);
    await end("wg1");
  });
});
