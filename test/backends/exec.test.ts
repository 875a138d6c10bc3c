import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import { ExecBackend } from "../../src/backends/exec.js";
import { executablePath } from "../../src/engine/files.js";
import { WgBridgeError } from "../../src/errors.js";
import { ask } from "../ask.js";
import { hasCode } from "../error-code.js";
import { stopProcess } from "../processes.js";
import { assertNothingLeft, onlyInSandbox } from "../sandbox.js";

/** Returns the pids of this process's children. */
function children(): number[] {
  const list = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
  return list === "" ? [] : list.split(" ").map(Number);
}

describe("the backend exec", () => {
  onlyInSandbox();
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-exec-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  function program(content: string): ExecBackend {
    const path = join(directory, "program");
    writeFileSync(path, content);
    chmodSync(path, 0o755);
    return new ExecBackend(path);
  }

  async function assertStartFails(backend: ExecBackend, code: string, text: RegExp): Promise<void> {
    await assert.rejects(backend.start({ name: "wg1" }), (error) => {
      assert.ok(error instanceof WgBridgeError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, text);
      return true;
    });
    assert.deepEqual(children(), []);
    assertNothingLeft("wg1");
  }

  for (const path of [executablePath({}), upstreamExecutablePath]) {
    it(`notices that ${path.split("/").slice(-2).join("/")} was killed, and cleans up`, async () => {
      const tunnel = await new ExecBackend(path).start({ name: "wg1" });
      const [child = 0] = children();
      process.kill(child, "SIGKILL");
      const end = await tunnel.ended;
      assert.equal(end.reason, "lost");
      assert.match(end.message, /killed by SIGKILL/);
      assertNothingLeft("wg1");
      await assert.rejects(ask(tunnel, "get=1\n\n"), hasCode("WG_BRIDGE_LOST"));
      await tunnel.close();
    });
  }

  for (const [signal, first] of [
    ["SIGQUIT", "SIGQUIT: quit"],
    ["SIGABRT", "SIGABRT: abort"],
  ] as const) {
    it(`reports the first line of a crash by ${signal}, not the last of the registers`, async () => {
      const tunnel = await new ExecBackend(executablePath({})).start({ name: "wg1" });
      const [child = 0] = children();
      process.kill(child, signal);
      const { reason, message } = await tunnel.ended;
      assert.equal(reason, "lost");
      assert.equal(message, `The tunnel wg1 ended: its program crashed (${first}).`);
      assertNothingLeft("wg1");
    });
  }

  it("reports the first line of a foreign program's crash before its tunnel was ready", async () => {
    const source = join(directory, "panics.go");
    writeFileSync(source, 'package main\n\nfunc main() { panic("of another kind") }\n');
    const path = join(directory, "panics");
    execFileSync("go", ["build", "-o", path, source]);
    const text = /: its program crashed \(panic: of another kind\)\. Run it by hand/;
    await assertStartFails(new ExecBackend(path), "WG_BRIDGE_EXECUTABLE_CRASHED", text);
  });

  it("fails an exchange during which the child is killed", async () => {
    const tunnel = await new ExecBackend(executablePath({})).start({ name: "wg1" });
    const [child = 0] = children();
    await stopProcess(child);
    const answer = ask(tunnel, "get=1\n\n");
    process.kill(child, "SIGKILL");
    await assert.rejects(answer, hasCode("WG_BRIDGE_LOST"));
    await tunnel.ended;
  });

  it("reports a program that does not exist as missing", async () => {
    const backend = new ExecBackend(join(directory, "none"));
    await assertStartFails(
      backend,
      "WG_BRIDGE_EXECUTABLE_MISSING",
      /does not exist\. Choose another with WIREGUARD_GO_EXECUTABLE/,
    );
  });

  it("reports a program whose interpreter does not exist as missing", async () => {
    const backend = program("#!/no/such/interpreter\n");
    await assertStartFails(backend, "WG_BRIDGE_EXECUTABLE_MISSING", /interpreter/);
  });

  it("reports a program that may not be executed", async () => {
    const path = join(directory, "plain");
    writeFileSync(path, "#!/bin/sh\n");
    const backend = new ExecBackend(path);
    await assertStartFails(backend, "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE", /EACCES/);
  });

  it("reports a program that a signal ends as crashed", async () => {
    const backend = program("#!/bin/sh\nkill -SEGV $$\n");
    await assertStartFails(backend, "WG_BRIDGE_EXECUTABLE_CRASHED", /killed by SIGSEGV/);
  });

  it("reports a program that exits with 0 without a tunnel as crashed", async () => {
    const backend = program("#!/bin/sh\necho done\n");
    await assertStartFails(backend, "WG_BRIDGE_EXECUTABLE_CRASHED", /done/);
  });

  it("reports the last line that a program printed", async () => {
    const backend = program("#!/bin/sh\necho it is Tuesday >&2\nexit 1\n");
    await assertStartFails(backend, "WG_BRIDGE_ENGINE", /it is Tuesday/);
  });

  it("kills a program that never answers when its start is aborted", async () => {
    const backend = program("#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 1; done\n");
    const controller = new AbortController();
    const reason = new Error("enough");
    const onLog = () => controller.abort(reason);
    const started = backend.start({ name: "wg1", onLog, signal: controller.signal });
    await assert.rejects(started, reason);
    assert.deepEqual(children(), []);
  });

  it("does not pass the caller's descriptors or log level to its programs", async () => {
    const backend = program(
      '#!/bin/sh\necho "tun=$WG_TUN_FD uapi=$WG_UAPI_FD level=$LOG_LEVEL"\nexit 1\n',
    );
    process.env.WG_TUN_FD = "7";
    process.env.LOG_LEVEL = "verbose";
    try {
      await assertStartFails(backend, "WG_BRIDGE_ENGINE", /tun= uapi= level=error/);
    } finally {
      delete process.env.WG_TUN_FD;
      delete process.env.LOG_LEVEL;
    }
  });
});
