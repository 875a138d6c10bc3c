import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { packageRoot, sandboxScript } from "../../../src/artifacts.js";
import { processesWith } from "../../../test/processes.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import type { Comparison } from "../../compare/comparison.js";

const compareProgram = [process.execPath, `${packageRoot}/dist/bench/main.js`, "compare"];

/** Backends that cannot start, so that netns.sh is over in a moment. */
const brokenBackends = {
  WIREGUARD_GO_EXECUTABLE: "/bin/false",
  WIREGUARD_GO_BRIDGE_LIB_PATH: "/nonexistent/library.so",
};

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run([program = "", ...args]: readonly string[], env = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(program, args, options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** Resolves once there is a file at `path`; its directory must be there. */
async function untilExists(path: string): Promise<void> {
  for await (const _change of watch(dirname(path))) if (existsSync(path)) return;
}

describe("wg-bridge compare", () => {
  onlyInSandbox();

  let directory: string;
  let crashing: string;

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/compare `);
    crashing = `${directory}/crashing *program`;
    writeFileSync(crashing, '#!/bin/sh\necho "crashing with $1"\nexit 3\n');
    chmodSync(crashing, 0o755);
  });

  after(() => rmSync(directory, { recursive: true }));

  it("runs netns.sh with every program, prints one JSON object, and writes the page", async () => {
    const page = `${directory}/page.html`;
    const wanted = ["--json", "--html", page, "--also", `crash=${crashing}`];
    const { status, stdout, stderr } = await run([...compareProgram, ...wanted], brokenBackends);
    const comparison: Comparison = JSON.parse(stdout);
    assert.equal(status, 1);
    assert.equal(comparison.schemaVersion, 1);
    assert.equal(comparison.passed, false);
    assert.equal(comparison.script.steps, 251);
    assert.deepEqual(
      comparison.programs.map(({ name, judged }) => [name, judged]),
      [
        ["crash", false],
        ["exec", true],
        ["ffi", true],
      ],
    );
    for (const { runs } of comparison.programs) {
      assert.equal(runs[0]?.failure?.step, 5);
      assert.equal(runs[0]?.failure?.section, "set-up");
    }
    assert.equal(comparison.programs[0]?.runs[0]?.failure?.exitStatus, 3);
    assert.ok(comparison.programs[0]?.runs[0]?.failure?.lastLines.includes("crashing with wg1"));
    assert.match(stderr, /^exec +✗ failed at step 5 of 251, exit status 1: NS0: .* wg1$/m);
    assert.match(readFileSync(page, "utf8"), /<\/html>\n$/);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`exits with ${code} when ${signal} interrupts it, and leaves no process behind`, async () => {
      const sleep = `sleep 1000.${process.pid}`;
      const lasting = `${directory}/lasting`;
      writeFileSync(lasting, `#!/bin/sh\necho started >"$0 started"\nexec ${sleep}\n`);
      chmodSync(lasting, 0o755);
      const [program = "", ...args] = [...compareProgram, "--also", `lasting=${lasting}`];
      const child = spawn(program, args, { stdio: "ignore" });
      await untilExists(`${lasting} started`);
      child.kill(signal);
      const [status] = await once(child, "close");
      assert.equal(status, code);
      assert.deepEqual(processesWith(sleep), []);
      rmSync(`${lasting} started`);
    });
  }

  it("names the tools that are missing, and shows doctor's answer", async () => {
    const { status, stdout, stderr } = await run(compareProgram, { PATH: directory });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^wg-bridge compare: netns\.sh needs wg, .*: run scripts\/setup-packages/m,
    );
    assert.match(stdout, /\/dev\/net\/tun/);
  });

  it("says that there is no TUN device, and shows doctor's answer", async () => {
    const hidden = [sandboxScript, "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$@"', "sh"];
    const { status, stdout, stderr } = await run([...hidden, ...compareProgram]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^wg-bridge compare: This machine does not let you make a TUN interface: /m,
    );
    assert.match(stdout, /\/dev\/net\/tun/);
  });

  for (const path of ["/nonexistent", "/etc/passwd", "/tmp"]) {
    it(`refuses a program that cannot be executed: ${path}`, async () => {
      const { status, stderr } = await run([...compareProgram, "--also", `x=${path}`]);
      assert.equal(status, 1);
      assert.match(stderr, /^wg-bridge compare: --also x: \/\w+(\/\w+)? cannot be executed/m);
    });
  }

  it("refuses a page that it could not write, before it measures", async () => {
    const page = `${directory}/nowhere/page.html`;
    const { status, stderr } = await run([...compareProgram, "--html", page]);
    assert.equal(status, 1);
    assert.match(stderr, /cannot be written/);
    assert.ok(!existsSync(page));
  });

  it("prints its usage", async () => {
    const { status, stdout } = await run([...compareProgram, "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: wg-bridge compare/);
  });
});
