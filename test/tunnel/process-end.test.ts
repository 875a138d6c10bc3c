import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import { attach } from "../../src/index.js";
import { socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import {
  assertNothingLeft,
  endLeftTunnels,
  interfaceExists,
  ip,
  onlyInSandbox,
} from "../sandbox.js";

const owner = fileURLToPath(new URL("owner.js", import.meta.url));
const upstream = { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath };

const variants: readonly (readonly [string, string, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["exec with upstream's program", "exec", upstream],
];

function start(backend: string, how: string, settings: NodeJS.ProcessEnv): ChildProcess {
  const env = { ...process.env, ...settings };
  return spawn(process.execPath, [owner, backend, how], { env, stdio: ["pipe", "pipe", "pipe"] });
}

/** Resolves when the program that had the tunnel has let go of it; the kernel takes the interface then. */
async function gone(): Promise<void> {
  assert.ok(await waitUntilFree("wgp0", 10_000), "the tunnel is still served");
  while (interfaceExists("wgp0")) await new Promise((resolve) => setImmediate(resolve));
}

async function saysOpen(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout);
  const [said] = await once(child.stdout, "data");
  assert.equal(String(said), "open\n");
}

for (const [title, backend, settings] of variants) {
  describe(`a process that owns a tunnel on ${title}`, () => {
    onlyInSandbox();
    endLeftTunnels("wgp0");

    const ends: readonly (readonly [string, number])[] = [
      ["return", 0],
      ["throw", 1],
      ["exit", 3],
      ["uncaught", 1],
      ["rejection", 1],
    ];
    for (const [how, expected] of ends) {
      it(`leaves nothing when it ends by ${how}`, async () => {
        const child = start(backend, how, settings);
        const [code] = await once(child, "close");
        assert.equal(code, expected);
        await gone();
        assertNothingLeft("wgp0");
      });
    }

    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      it(`leaves nothing when ${signal} ends it, and ends by that signal`, async () => {
        const child = start(backend, "wait", settings);
        await saysOpen(child);
        child.kill(signal);
        const [, by] = await once(child, "exit");
        assert.equal(by, signal);
        await gone();
        assertNothingLeft("wgp0");
      });
    }

    it("keeps its tunnel when it listens for the signal itself", async () => {
      const child = start(backend, "own-listener", settings);
      await saysOpen(child);
      let said = "";
      child.stdout?.on("data", (piece: Buffer) => {
        said += piece.toString();
      });
      child.kill("SIGTERM");
      const [code] = await once(child, "close");
      assert.equal(said, "asked\nfwmark 1\n");
      assert.equal(code, 0);
      assertNothingLeft("wgp0");
    });
  });
}

for (const backend of ["ffi", "exec"] as const) {
  it(`a process that is killed leaves no interface on ${backend}`, async () => {
    const child = start(backend, "wait", {});
    await saysOpen(child);
    child.kill("SIGKILL");
    await once(child, "exit");
    await gone();
    assert.equal(interfaceExists("wgp0"), false);
    // Nobody is left to remove the library's socket; the next start replaces it.
    assert.equal(existsSync(socketPath("wgp0")), backend === "ffi");
  });
}

describe("a detached tunnel", () => {
  onlyInSandbox();
  endLeftTunnels("wgp0");

  it("outlives its process, in a session of its own", async () => {
    const child = start("exec", "detached", {});
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    await using tunnel = await attach("wgp0");
    assert.equal((await tunnel.status()).fwmark, 1);
    const pid = readdirSync("/proc").find((entry) => {
      const line = commandLine(entry);
      return line.includes("wireguard-go") && line.includes("wgp0");
    });
    const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
    assert.equal(session, pid);
    ip("link", "del", "wgp0");
  });

  it("is refused by ffi, which dies with its process", async () => {
    const child = start("ffi", "detached", {});
    let said = "";
    child.stderr?.on("data", (piece: Buffer) => {
      said += piece.toString();
    });
    const [code] = await once(child, "close");
    assert.equal(code, 1);
    assert.match(said, /WG_BRIDGE_UNSUPPORTED/);
    assertNothingLeft("wgp0");
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // no process, or one that has just ended
  }
}
