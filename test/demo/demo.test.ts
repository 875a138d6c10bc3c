import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { DemoReport } from "../../src/demo/report.js";
import { bridge } from "../cli/programs.js";

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

// These are unit tests: they pass as an ordinary user, outside of every sandbox.
describe("wg-bridge demo, as any user", function () {
  this.timeout(330_000);

  let directory = "";
  before(() => {
    directory = mkdtempSync(`${tmpdir()}/demo-`);
  });
  after(() => rmSync(directory, { recursive: true }));

  function demo(args: readonly string[], env = {}): Promise<Ended> {
    return new Promise((resolve) => {
      const options = {
        env: { ...process.env, XDG_RUNTIME_DIR: directory, ...env },
        timeout: 300_000,
      };
      const child = execFile(bridge, ["demo", ...args], options, (_error, stdout, stderr) =>
        resolve({ status: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  }

  it("moves data on both backends, through WireGuard, prints no key and leaves nothing", async () => {
    const { status, stdout, stderr } = await demo(["--json"]);
    const { passed, backends }: DemoReport = JSON.parse(stdout);
    assert.deepEqual(
      backends.map(({ backend, outcome }) => [backend, outcome]),
      [
        ["exec", "passed"],
        ["ffi", "passed"],
      ],
      stdout,
    );
    for (const outcome of backends) {
      assert.ok("openSeconds" in outcome);
      const { openSeconds, requests, download, upload, encrypted } = outcome;
      assert.ok(openSeconds > 0 && requests.count > 0 && requests.seconds > 0);
      for (const { bytes, seconds, sha256Equal } of [download, upload]) {
        assert.ok(bytes > 1_000_000 && seconds > 0 && sha256Equal);
      }
      assert.ok(encrypted.sent > upload.bytes && encrypted.received > download.bytes);
    }
    assert.deepEqual([status, passed, stderr], [0, true, ""]);
    assert.doesNotMatch(stdout, /[A-Za-z0-9+/]{43}=|[0-9a-f]{64}/);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("shows a backend that cannot run with its reason, and passes by the other", async () => {
    const { status, stdout, stderr } = await demo([], {
      WIREGUARD_GO_BRIDGE_LIB_PATH: "/nonexistent/library.so",
    });
    assert.match(stdout, /^exec +\d.* equal$/m);
    assert.match(stdout, /^ffi +cannot run here: .*\/nonexistent\/library\.so/m);
    assert.match(stdout, /\nexec passed\.\n$/);
    assert.doesNotMatch(stdout, /[A-Za-z0-9+/]{43}=|[0-9a-f]{64}/);
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("exits with 1 if no backend can run, or one fails", async () => {
    const neither = await demo(["--json"], {
      WIREGUARD_GO_BRIDGE_LIB_PATH: "/nonexistent/library.so",
      WIREGUARD_GO_USERSPACE_EXECUTABLE: "/nonexistent/program",
    });
    const { passed, backends }: DemoReport = JSON.parse(neither.stdout);
    assert.deepEqual(
      [neither.status, passed, ...backends.map(({ outcome }) => outcome)],
      [1, false, "unavailable", "unavailable"],
    );
    const crashing = await demo([], { WIREGUARD_GO_USERSPACE_EXECUTABLE: "/bin/false" });
    assert.match(crashing.stdout, /^exec +failed: /m);
    assert.match(crashing.stdout, /^ffi +\d.* equal$/m);
    assert.match(crashing.stdout, /\nexec failed\.\n$/);
    assert.equal(crashing.status, 1);
  });

  it("refuses arguments", async () => {
    const { status, stdout, stderr } = await demo(["now"]);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^wg-bridge: Give no arguments: see wg-bridge demo --help\.\n$/);
  });
});
