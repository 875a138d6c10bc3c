import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import type { Diagnosis } from "../../src/doctor/findings.js";
import { findProgram } from "../../src/doctor/tools.js";
import { onlyInSandbox } from "../sandbox.js";

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const command = [process.execPath, `${packageRoot}/dist/src/cli/main.js`, "doctor"];

function run([program = "", ...args]: string[], env: Record<string, string>): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(program, args, options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? 128, stdout, stderr }),
    );
  });
}

function doctor(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return run([...command, ...args], env);
}

async function diagnosis(env: Record<string, string> = {}): Promise<Diagnosis> {
  const { stdout } = await doctor(["--json"], env);
  return JSON.parse(stdout);
}

describe("wg-bridge doctor", () => {
  onlyInSandbox();

  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(`${tmpdir()}/doctor-`);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("says that a tunnel can be opened here, by both backends, and exits with 0", async () => {
    const { status, stdout, stderr } = await doctor([]);
    assert.match(stdout, /^ok +library \(ffi\) /m);
    assert.match(stdout, /^ok +executable \(exec\) /m);
    assert.match(stdout, /^ok +ChaCha20-Poly1305 +\S+ with ffi, exec, userspace$/m);
    assert.match(stdout, /^--backend=auto chooses ffi: /m);
    assert.match(stdout, /^This user can open a tunnel\.$/m);
    assert.equal(stdout.includes("\u001b"), false);
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("prints the same findings as one JSON object", async () => {
    const { findings, auto, canOpenTunnel, versions } = await diagnosis();
    assert.equal(versions.node, process.versions.node);
    assert.equal(auto.backend, "ffi");
    assert.equal(canOpenTunnel, true);
    assert.ok(findings.some(({ id, mark }) => id === "tool iperf3" && mark === "ok"));
  });

  it("names a broken library, and that auto chooses exec because of it", async () => {
    const library = `${directory}/broken.so`;
    await writeFile(library, "not a library");
    const { findings, auto, canOpenTunnel } = await diagnosis({
      WIREGUARD_GO_BRIDGE_LIB_PATH: library,
    });
    const finding = findings.find(({ id }) => id === "library");
    assert.equal(finding?.mark, "warn");
    assert.match(finding?.detail ?? "", /^WG_BRIDGE_LIBRARY_NOT_ELF: .*broken\.so/);
    assert.equal(auto.backend, "exec");
    assert.match(auto.reason, /broken\.so/);
    assert.equal(canOpenTunnel, true);
  });

  it("names an executable that crashes", async () => {
    const executable = `${directory}/crashing`;
    await writeFile(executable, "#!/bin/sh\nkill -SEGV $$\n", { mode: 0o755 });
    const { findings } = await diagnosis({ WIREGUARD_GO_EXECUTABLE: executable });
    const finding = findings.find(({ id }) => id === "executable");
    assert.match(finding?.detail ?? "", /^WG_BRIDGE_EXECUTABLE_CRASHED: .*crashing/);
  });

  it("says that no tunnel can be opened, and exits with 1, if neither backend can be used", async () => {
    const { status, stdout } = await doctor([], {
      WIREGUARD_GO_BRIDGE_LIB_PATH: `${directory}/none.so`,
      WIREGUARD_GO_EXECUTABLE: `${directory}/none`,
    });
    assert.match(stdout, /^--backend=auto finds no usable backend\.$/m);
    assert.match(stdout, /cannot open a tunnel. Missing: library \(ffi\), executable \(exec\)\./);
    assert.equal(status, 1);
  });

  it("names the command that installs a tool missing from PATH", async () => {
    const bin = `${directory}/bin`;
    await mkdir(bin);
    const aptGet = findProgram("apt-get", process.env) ?? process.execPath;
    await symlink(aptGet, `${bin}/apt-get`);
    const { stdout } = await doctor([], { PATH: bin });
    assert.match(
      stdout,
      /^fail +wg +not found\n +fix: apt-get install --no-install-recommends wireguard-tools$/m,
    );
  });

  it("recognises another device at /dev/net/tun", async () => {
    const inside = 'mount --bind /dev/null /dev/net/tun && exec "$@"';
    const withNull = ["unshare", "--mount", "bash", "-c", inside, "bash"];
    const { stdout } = await run([...withNull, ...command], {});
    assert.match(stdout, /^fail +\/dev\/net\/tun +is another device/m);
  });

  it("finds that CAP_NET_ADMIN has been dropped", async () => {
    const withoutNetAdmin = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
    const { stdout } = await run([...withoutNetAdmin, ...command, "--json"], {});
    const { findings, canOpenTunnel }: Diagnosis = JSON.parse(stdout);
    assert.equal(findings.find(({ id }) => id === "net-admin")?.mark, "fail");
    assert.equal(canOpenTunnel, false);
  });

  it("refuses an unknown argument", async () => {
    for (const argument of ["--yaml", "yaml"]) {
      const { status, stdout, stderr } = await doctor(["--json", argument]);
      assert.match(stderr, /^wg-bridge: [^\n]*: see wg-bridge doctor --help\.\n$/);
      assert.equal(stdout, "");
      assert.equal(status, 1);
    }
  });
});
