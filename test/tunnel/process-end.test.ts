import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import { attach, openTunnel } from "../../src/index.js";
import { socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import {
  assertNothingLeft,
  endLeftTunnels,
  interfaceExists,
  ip,
  onlyInSandbox,
} from "../sandbox.js";

const owner = fileURLToPath(new URL("owner.js", import.meta.url));
const opener = fileURLToPath(new URL("opener.js", import.meta.url));
const upstream = { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath };

const variants: readonly (readonly [string, string, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["exec with upstream's program", "exec", upstream],
];

function start(
  backend: string,
  how: string,
  settings: NodeJS.ProcessEnv,
  program = owner,
): ChildProcess {
  const env = { ...process.env, ...settings };
  return spawn(process.execPath, [program, backend, how], { env, stdio: ["pipe", "pipe", "pipe"] });
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

    for (const how of ["exit", "SIGTERM"]) {
      it(`leaves nothing when it ends by ${how} while it opens the tunnel`, async () => {
        const child = start(backend, how, settings, opener);
        let said = "";
        child.stdout?.on("data", (piece: Buffer) => {
          said += piece.toString();
        });
        const [code, by] = await once(child, "close");
        assert.deepEqual([code, by], how === "exit" ? [3, null] : [null, how]);
        assert.equal(said, "", "the tunnel was open before");
        await gone();
        assertNothingLeft("wgp0");
      });
    }

    it("is left alone by a signal for which it began to listen once, before", async () => {
      const child = start(backend, "earlier-once", settings);
      await saysOpen(child);
      assert.ok(child.stdout);
      const said = once(child.stdout, "data");
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      assert.equal(String(await said), "clean\n");
      assert.equal(code, 0);
      assertNothingLeft("wgp0");
    });

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

describe("a process that is killed", () => {
  onlyInSandbox();
  endLeftTunnels("wgp0");

  for (const backend of ["ffi", "exec"] as const) {
    it(`leaves no interface on ${backend}, and a next one can have the name`, async () => {
      const child = start(backend, "wait", {});
      await saysOpen(child);
      child.kill("SIGKILL");
      await once(child, "exit");
      await gone();
      // Nobody is left to remove the library's socket.
      assert.equal(existsSync(socketPath("wgp0")), backend === "ffi");
      await (await openTunnel({ name: "wgp0", backend })).close();
      assertNothingLeft("wgp0");
    });
  }
});

describe("this process's signals", () => {
  onlyInSandbox();
  endLeftTunnels("wgp0");
  const events = ["SIGTERM", "SIGINT", "SIGHUP", "exit"];
  const counts = () => events.map((event) => process.listenerCount(event));

  for (const backend of ["ffi", "exec"] as const) {
    it(`are listened for only while a tunnel is open on ${backend}`, async () => {
      await (await openTunnel({ name: "wgp0", backend })).close(); // what it loads listens for good
      const before = counts();
      await assert.rejects(openTunnel({ name: "lo", backend }));
      assert.deepEqual(counts(), before);
      const tunnel = await openTunnel({ name: "wgp0", backend });
      const during = counts();
      assert.deepEqual(
        during,
        before.map((count) => count + 1),
      );
      await using attached = await attach(tunnel.name);
      assert.deepEqual(counts(), during, `${attached.name} is nothing to clean up`);
      await tunnel.close();
      assert.deepEqual(counts(), before);
    });
  }
});

describe("a detached tunnel", () => {
  onlyInSandbox();
  endLeftTunnels("wgp0");

  it("lets its process end, which need not close it, also with upstream's program", async () => {
    for (const settings of [{}, upstream]) {
      const child = start("exec", "detached-and-forgotten", settings);
      const [code] = await once(child, "close");
      assert.equal(code, 0);
      await using tunnel = await attach("wgp0");
      assert.equal((await tunnel.status()).fwmark, 1);
      ip("link", "del", "wgp0");
      await gone();
    }
  });

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
