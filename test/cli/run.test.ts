import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { executablePath, libraryPath } from "../../src/engine/files.js";
import { openTunnel } from "../../src/index.js";
import { exchangeOverSocket, socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import { ours, type Program, Running, runToEnd } from "../parity/programs.js";
import { processesWith, stopProcess } from "../processes.js";
import {
  assertNothingLeft,
  endLeftTunnels,
  interfaceExists,
  ip,
  onlyInSandbox,
} from "../sandbox.js";

const [ffi, exec] = ours;
assert.ok(ffi && exec);
const auto: Program = { ...ffi, env: {} };

/** Names the executable, beside which Node.js stays: test/cli/replacement.test.ts is about its replacement. */
const named = { WIREGUARD_GO_EXECUTABLE: executablePath({}) };
const parent: Program = { ...exec, env: { ...exec.env, ...named } };

/** Returns the pid of a process's only child, or 0. */
function childOf(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}

/** Asserts one clear sentence on standard error, exit code 1, and nothing on standard output. */
function assertRefused(program: Program, args: string[], text: RegExp, env = {}): void {
  const { code, stdout, stderr } = runToEnd(program, args, env);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^wg-bridge: [^\n]*\n$/);
  assert.match(stderr, text);
}

describe("wg-bridge, asked for the impossible,", () => {
  onlyInSandbox();
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-run-"));
    writeFileSync(join(directory, "text"), "text");
  });

  after(() => rmSync(directory, { recursive: true }));

  for (const name of ["", "sixteen-bytes-ab", "a/b", "a b"]) {
    it(`refuses the interface name ${JSON.stringify(name)}`, () => {
      assertRefused(auto, [name], /interface name/);
      assertRefused(auto, ["-f", name], /interface name/);
    });
  }

  it("refuses an unknown backend, also from the environment", () => {
    assertRefused(auto, ["--backend=kernel", "wg1"], /no backend "kernel"/);
    assertRefused(auto, ["wg1"], /no backend "kernel"/, { WG_BRIDGE_BACKEND: "kernel" });
  });

  it("prefers the command line's backend to the environment's", () => {
    const env = { WG_BRIDGE_BACKEND: "kernel", WIREGUARD_GO_EXECUTABLE: "/no/such" };
    assertRefused(auto, ["--backend=exec", "wg1"], /no executable \/no\/such/, env);
  });

  for (const program of [ffi, exec]) {
    it(`refuses an unknown feature to disable, with ${program.title}`, () => {
      for (const args of [["wg1"], ["-f", "wg1"]]) {
        assertRefused(program, args, /no feature "tso" .*tso4, tso6/, { WG_BRIDGE_DISABLE: "tso" });
      }
      assertNothingLeft("wg1");
    });
  }

  for (const program of [ffi, exec]) {
    it(`refuses a status descriptor that is not open, with ${program.title}`, () => {
      for (const WG_PROCESS_STATUS_FD of ["77", "none"]) {
        for (const args of [["wg1"], ["-f", "wg1"]]) {
          const text = /WG_PROCESS_STATUS_FD="\w+" is not an open file descriptor/;
          assertRefused(program, args, text, { WG_PROCESS_STATUS_FD });
        }
      }
      assertNothingLeft("wg1");
    });

    it(`reports on its caller's status descriptor how a start went, with ${program.title}`, () => {
      const env = { ...process.env, ...program.env, WG_PROCESS_STATUS_FD: "3" };
      const status = (...args: string[]): string => {
        const { output } = spawnSync(program.command, args, {
          env,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe", "pipe"],
        });
        assert.deepEqual(output.slice(1, 3), ["", ""]);
        return output[3] ?? "";
      };
      assert.equal(status("wg1"), "ready wg1\n");
      ip("link", "del", "wg1");
      assert.match(status("lo"), /^WG_BRIDGE_INTERFACE_EXISTS: [^\n]*lo exists already[^\n]*\n$/);
      assert.match(status("-f", "lo"), /^WG_BRIDGE_INTERFACE_EXISTS 16: [^\n]*lo exists[^\n]*\n$/);
    });
  }

  it("refuses an unknown option", () => {
    assertRefused(auto, ["--frob", "wg1"], /Unknown option '--frob'/);
  });

  for (const foreground of [["-f"], []]) {
    it(`never falls back from ${["ffi", ...foreground].join(" ")}`, () => {
      const env = { WIREGUARD_GO_BRIDGE_LIB_PATH: join(directory, "text") };
      assertRefused(ffi, [...foreground, "wg1"], /not an ELF file/, env);
      assertNothingLeft("wg1");
    });

    it(`never falls back from ${["exec", ...foreground].join(" ")}`, () => {
      const env = { WIREGUARD_GO_EXECUTABLE: join(directory, "text") };
      assertRefused(exec, [...foreground, "wg1"], /may not be executed/, env);
      assertNothingLeft("wg1");
    });

    it(`gives both reasons if auto ${foreground.join(" ")} can use neither`, () => {
      const env = {
        WIREGUARD_GO_BRIDGE_LIB_PATH: join(directory, "text"),
        WIREGUARD_GO_EXECUTABLE: join(directory, "text"),
      };
      assertRefused(auto, [...foreground, "wg1"], /not an ELF file.*may not be executed/, env);
    });
  }
});

describe("wg-bridge with a read-only /var/run", () => {
  onlyInSandbox();
  before(() => execFileSync("mount", ["-o", "remount,ro", "/run"]));
  after(() => execFileSync("mount", ["-o", "remount,rw", "/run"]));

  for (const program of [ffi, exec]) {
    it(`says what to do about it, with ${program.title}`, () => {
      for (const args of [["wg1"], ["-f", "wg1"]]) {
        const { code, stderr } = runToEnd(program, args);
        assert.equal(code, 1);
        assert.match(
          stderr,
          /^wg-bridge: .*read-only file system\. Mount an emptyDir or a tmpfs at \/var\/run\/wireguard[^\n]*\n$/,
        );
        assert.ok(!interfaceExists("wg1"));
      }
    });
  }

  it("says so in the library's error too, and does not refer to the log", async () => {
    for (const backend of ["ffi", "exec"] as const) {
      await assert.rejects(openTunnel({ name: "wg1", backend }), {
        code: "WG_BRIDGE_SOCKET_DIRECTORY",
        message:
          /read-only file system\. Mount an emptyDir or a tmpfs at \/var\/run\/wireguard[^.]*\.$/,
      });
    }
  });
});

describe("wg-bridge, choosing the backend itself,", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  it("falls back on exec in the foreground, and says why in one line", async () => {
    const env = { WIREGUARD_GO_BRIDGE_LIB_PATH: "/no/such/library.so", ...named };
    const running = await new Running(auto, ["-f", "wg1"], env).answers("wg1");
    assert.ok(childOf(running.process.pid) > 0);
    running.process.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assert.equal(code, 0);
    assert.match(stderr, /^wg-bridge: auto falls back on exec: There is no library [^\n]*\n$/);
  });

  it("uses ffi in its own process, without a message, if it can", async () => {
    const running = await new Running(auto, ["-f", "wg1"]).answers("wg1");
    assert.equal(childOf(running.process.pid), 0);
    running.process.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

/** Signals that end a process by default, but do not ask it for an orderly end. */
const fatal = ["SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const;

describe("wg-bridge with ffi in the foreground", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  for (const signal of fatal) {
    it(`leaves nothing behind when ${signal} ends it`, async () => {
      const running = await new Running(ffi, ["-f", "wg1"]).answers("wg1");
      running.process.kill(signal);
      const { code, stderr } = await running.ended;
      assert.deepEqual([code, stderr], [128 + constants.signals[signal], ""]);
      assertNothingLeft("wg1");
    });
  }

  it("ends, and leaves nothing behind, at a signal that is sent repeatedly", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const running = await new Running(ffi, ["-f", "wg1"]).answers("wg1");
      let ended = false;
      const end = running.ended.finally(() => {
        ended = true;
      });
      while (!ended) {
        running.process.kill(signal);
        await new Promise((resolve) => setImmediate(resolve));
      }
      // At its very end, once the tunnel is gone, the signal is not caught any more.
      assert.ok([0, null].includes((await end).code));
      assertNothingLeft("wg1");
    }
  });
});

describe("wg-bridge with exec in the foreground", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  it("reports a child that is killed, and removes its socket", async () => {
    const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
    process.kill(childOf(running.process.pid), "SIGKILL");
    const { code, stderr } = await running.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^wg-bridge: .*killed by SIGKILL: the tunnel wg1 is gone[^\n]*\n$/);
    assertNothingLeft("wg1");
  });

  for (const [signal, first] of [
    ["SIGQUIT", "SIGQUIT: quit"],
    ["SIGABRT", "SIGABRT: abort"],
  ] as const) {
    it(`names the crash of a child that ${signal} ends, removes its socket, and exits with its code`, async () => {
      const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
      process.kill(childOf(running.process.pid), signal);
      const { code, stdout, stderr } = await running.ended;
      assert.deepEqual([code, stdout], [2, ""]); // the exit code of Go's runtime
      assert.match(stderr, /^goroutine \d+ /m); // the whole report comes first
      const lines = stderr.split("\n").filter((line) => line.startsWith("wg-bridge: "));
      assert.equal(lines.length, 1);
      assert.ok(lines[0]?.includes(`crashed (${first}): the tunnel wg1 is gone`), lines[0]);
      assertNothingLeft("wg1");
    });
  }

  it("does not leave its child behind when it is killed", async () => {
    const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
    running.process.kill("SIGKILL");
    await running.ended;
    assert.ok(await waitUntilFree("wg1", 10_000), "the tunnel is still served");
    while (interfaceExists("wg1")) await new Promise((resolve) => setImmediate(resolve));
    assertNothingLeft("wg1");
  });

  it("kills a child that a signal does not end, such as a stopped one, and leaves nothing behind", async () => {
    const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
    await stopProcess(childOf(running.process.pid));
    running.process.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^wg-bridge: .* did not end by SIGTERM, and was killed\.[^\n]*\n$/);
    assertNothingLeft("wg1");
  });

  it("does not leave its child behind when its terminal closes", async () => {
    const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
    running.process.kill("SIGHUP");
    assert.equal((await running.ended).code, 128 + 1);
    assertNothingLeft("wg1");
  });
});

describe("wg-bridge in the background", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  for (const program of [ffi, exec]) {
    it(`does not depend on its caller's lifeline: ${program.title}`, async () => {
      for (const WG_PROCESS_LIFELINE_FD of ["3", "4", "17"]) {
        assert.equal(runToEnd(program, ["wg1"], { WG_PROCESS_LIFELINE_FD }).code, 0);
        await exchangeOverSocket("wg1", Buffer.from("set=1\nfwmark=1\n\n"));
        ip("link", "del", "wg1");
        await waitUntilFree("wg1", 10_000);
      }
    });
  }
});

describe("a program that does not go into the background", () => {
  onlyInSandbox();

  it("is killed after a while", () => {
    const directory = mkdtempSync(join(tmpdir(), "wg-bridge-run-"));
    try {
      const executable = join(directory, "hang");
      writeFileSync(executable, "#!/bin/sh\nexec sleep 1000\n", { mode: 0o755 });
      const module = `${packageRoot}/dist/src/backends/background.js`;
      const script = `const { startInBackground } = await import(${JSON.stringify(module)});
const request = { backend: "exec", path: ${JSON.stringify(executable)}, self: [], name: "wg1", env: process.env, timeout: 100 };
await startInBackground(request).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});`;
      const { status, stderr } = spawnSync(
        process.execPath,
        ["--input-type=module", "-e", script],
        { encoding: "utf8" },
      );
      assert.equal(status, 1, stderr);
      assert.match(stderr, /^.*hang did not go into the background within 0\.1 s, and/);
      assert.deepEqual(processesWith(executable), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("wg-bridge with exec in the foreground, at other signals,", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  for (const signal of ["SIGQUIT", "SIGUSR2", "SIGALRM"] as const) {
    it(`leaves nothing behind when ${signal} ends it`, async () => {
      const running = await new Running(parent, ["-f", "wg1"]).answers("wg1");
      running.process.kill(signal);
      assert.equal((await running.ended).code, null);
      assert.ok(await waitUntilFree("wg1", 10_000));
      while (interfaceExists("wg1")) await new Promise((resolve) => setImmediate(resolve));
      assertNothingLeft("wg1");
    });
  }
});

describe("wg-bridge with ffi in the background", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  it("leaves its caller's directory, but finds a library by a path relative to it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "wg-bridge-run-"));
    symlinkSync(libraryPath(process.env), join(directory, "library.so"));
    const { status, stderr } = spawnSync(ffi.command, ["wg1"], {
      cwd: directory,
      env: { ...process.env, ...ffi.env, WIREGUARD_GO_BRIDGE_LIB_PATH: "./library.so" },
      encoding: "utf8",
    });
    rmSync(directory, { recursive: true });
    assert.deepEqual([status, stderr], [0, ""]);
    const pid = readdirSync("/proc").find(isServing);
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
  });

  for (const signal of fatal) {
    it(`leaves nothing behind when ${signal} ends it`, async () => {
      assert.equal(runToEnd(ffi, ["wg1"]).code, 0);
      process.kill(Number(readdirSync("/proc").find(isServing)), signal);
      assert.ok(await waitUntilFree("wg1", 10_000));
      while (interfaceExists("wg1")) await new Promise((resolve) => setImmediate(resolve));
      assertNothingLeft("wg1");
    });
  }

  it("leaves nothing behind when a signal ends it before the tunnel is up", async () => {
    const env = { ...process.env, ...ffi.env };
    const starter = spawn(ffi.command, ["wg1"], { env, stdio: "ignore" });
    const ended = new Promise((resolve) => starter.on("exit", resolve));
    // Once its child exists there is something to clean up, and most likely no tunnel yet.
    while (starter.exitCode === null && childOf(starter.pid) === 0) await new Promise(setImmediate);
    starter.kill("SIGTERM");
    const code = await ended;
    if (code === 0) ip("link", "del", "wg1");
    else assertNothingLeft("wg1");
    assert.equal(existsSync(socketPath("wg1")) && code !== 0, false);
    assert.ok(!readdirSync("/proc").some((entry) => isServing(entry)));
  });
});

function isServing(entry: string): boolean {
  const path = `/proc/${entry}/cmdline`;
  return /^\d+$/.test(entry) && existsSync(path) && readFileSync(path, "utf8").endsWith("\0wg1\0");
}
