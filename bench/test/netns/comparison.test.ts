import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { packageRoot, sandboxScript, upstreamExecutablePath } from "../../../src/artifacts.js";
import { processesWith } from "../../../test/processes.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { comparison } from "../../netns/netns.js";
import { Progress } from "../../report/progress.js";
import type { Result } from "../../result.js";
import { runRounds } from "../../rounds.js";
import { startUpLeg } from "../../start-up.js";

const compareProgram = [process.execPath, `${packageRoot}/dist/bench/main.js`, "compare"];

/** Backends that cannot start, so that netns.sh ends at once. */
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

/** Resolves once there is a file at `path`; its directory must exist. */
async function untilExists(path: string): Promise<void> {
  for await (const _change of watch(dirname(path))) if (existsSync(path)) return;
}

describe("npm run compare", () => {
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
    const options = ["--json", "--html", page, "--also", `crash=${crashing}`];
    const { status, stdout, stderr } = await run([...compareProgram, ...options], brokenBackends);
    const result: Result = JSON.parse(stdout);
    assert.equal(status, 1);
    assert.equal(result.schemaVersion, 2);
    assert.equal(result.passed, false);
    assert.equal(result.input.script, "test/netns.sh");
    assert.match(result.input.sha256 ?? "", /^[0-9a-f]{64}$/);
    assert.equal(result.input.steps, "251");
    assert.deepEqual(
      result.programs.map(({ name, judged }) => [name, judged]),
      [
        ["crash", false],
        ["exec", true],
        ["ffi", true],
      ],
    );
    for (const { failures } of result.programs) {
      assert.deepEqual(
        failures.map(({ leg }) => leg),
        ["start-up", "set-up"],
      );
      assert.match(failures[1]?.because ?? "", /^exit status \d at step 5, NS0: .* wg1$/);
    }
    const [starting, crashed] = result.programs[0]?.failures ?? [];
    assert.equal(starting?.because, "It ended at its start, exit status 3: crashing with wg1.");
    assert.match(crashed?.because ?? "", /^exit status 3 /);
    assert.ok(crashed?.output.includes("crashing with wg1"));
    assert.match(stderr, /✗ exec: /);
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

  it("names the tools that are missing, and prints doctor's report", async () => {
    const { status, stdout, stderr } = await run(compareProgram, { PATH: directory });
    assert.equal(status, 1);
    assert.match(stderr, /^compare: wg, .* cannot be found: run scripts\/setup-packages/m);
    assert.match(stdout, /\/dev\/net\/tun/);
  });

  it("says that there is no TUN device, and prints doctor's report", async () => {
    const hidden = [sandboxScript, "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$@"', "sh"];
    const { status, stdout, stderr } = await run([...hidden, ...compareProgram]);
    assert.equal(status, 1);
    assert.match(stderr, /^compare: This machine does not let you make a TUN interface: /m);
    assert.match(stdout, /\/dev\/net\/tun/);
  });

  for (const path of ["/nonexistent", "/etc/passwd", "/tmp"]) {
    it(`refuses a program that cannot be executed: ${path}`, async () => {
      const { status, stderr } = await run([...compareProgram, "--also", `x=${path}`]);
      assert.equal(status, 1);
      assert.match(stderr, /^compare: --also x: \/\w+(\/\w+)? cannot be executed/m);
    });
  }

  it("refuses a page that it cannot write before it measures", async () => {
    const page = `${directory}/nowhere/page.html`;
    const { status, stderr } = await run([...compareProgram, "--html", page]);
    assert.equal(status, 1);
    assert.match(stderr, /cannot be written/);
    assert.ok(!existsSync(page));
  });

  it("prints its arguments without control characters", async () => {
    const hostile = "\u001b[31m\u202e";
    const { status, stdout, stderr } = await run([...compareProgram, hostile]);
    assert.equal(status, 1);
    assert.doesNotMatch((stdout + stderr).replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
  });

  it("prints its usage", async () => {
    const { status, stdout } = await run([...compareProgram, "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: npm run compare -- /);
  });
});

describe("the comparison", function () {
  onlyInSandbox();

  this.timeout(300_000);
  let directory: string;

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/compare-`);
  });

  after(() => rmSync(directory, { recursive: true }));

  /** Compares upstream, exec and ffi with a script in place of netns.sh. */
  function compareBy(script: string, rounds = 1) {
    const harness = `${directory}/harness`;
    writeFileSync(harness, script, { mode: 0o755 });
    const bench = comparison({ harness: [harness] });
    const also = [{ name: "upstream", path: upstreamExecutablePath }];
    return runRounds(bench, {
      programs: bench.programs({ also, without: [] }, process.env),
      rounds,
      seconds: 1,
      legs: bench.parts.filter((part) => part !== startUpLeg.id),
      env: process.env,
      progress: new Progress({ write: () => {} }, process.env, 3 * rounds),
      signal: new AbortController().signal,
    });
  }

  it("shows another program's failure and does not judge it", async () => {
    const fixtures = `${packageRoot}/bench/test/netns/fixtures`;
    const { passed, programs, goals, figures } = await compareBy(`#!/bin/sh
case "$*" in *upstream*) cat ${fixtures}/start-up-failing.txt; exit 1 ;; esac
exec cat ${fixtures}/passing.txt
`);
    const steps = figures.find(({ id }) => id === "steps");
    assert.equal(passed, true);
    assert.deepEqual(
      programs.map(({ name, roundsPassed }) => [name, roundsPassed, steps?.programs[name]?.median]),
      [
        ["upstream", 0, 13],
        ["exec", 1, 251],
        ["ffi", 1, 251],
      ],
    );
    assert.match(goals[0]?.sentence ?? "", /of 8 TCP tests: 1\.000, within 5 %/);
    assert.equal(figures.filter(({ unit }) => unit === "Gbit/s").length, 16);
  });

  it("starts every program in a session of its own", async () => {
    // Starts the program as netns.sh does, twice, and prints the session of each daemon and of this script.
    const { programs } = await compareBy(`#!/bin/bash
exec ${sandboxScript} bash -c '
session() { cut -d" " -f6 <<<"$(sed "s/(.*)/comm/" /proc/$1/stat)"; }
program="$*"
$program wg1 && $program wg2 || echo "it did not start"
for fd in /proc/[0-9]*/fd/*; do
  [[ $(readlink "$fd") != /dev/net/tun ]] || cut -d/ -f3 <<<"$fd"
done | sort -u | while read -r pid; do echo "session $(session "$pid")"; done
echo "own $(session $$)"
' harness "$@"
`);
    for (const { name, failures } of programs) {
      const output = failures[0]?.output ?? [];
      const numbers = output.flatMap((line) => /^(?:session|own) (\d+)$/.exec(line)?.[1] ?? []);
      assert.equal(numbers.length, 3, `${name}: ${output.join("; ")}`);
      assert.equal(new Set(numbers).size, 3, `${name}: ${output.join("; ")}`);
    }
  });
});
