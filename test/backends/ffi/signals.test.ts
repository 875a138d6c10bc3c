import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot } from "../../../src/artifacts.js";
import { untilAnswer } from "../../../src/backends/exec/tunnel.js";
import { libraryPath } from "../../../src/engine/files.js";
import { endLeftTunnels, onlyInSandbox } from "../../sandbox.js";

const run = promisify(execFile);

/** Runs a program of this directory, with options for Node.js, and returns what it printed; it must exit with 0. */
async function runProgram(words: readonly string[], options: readonly string[] = []) {
  const [name, ...args] = words;
  const path = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const { stdout } = await run(process.execPath, [...options, path, ...args]);
  return stdout;
}

/** Asserts that everything that storm.js counts happened at least once. */
function assertAllHappened(counts: object, signals: readonly string[] = []): void {
  const { heard, ...done } = counts as { heard: Record<string, number> };
  for (const [what, times] of Object.entries({ ...done, ...heard })) {
    assert.ok(Number(times) > 0, `no ${what}`);
  }
  assert.ok(signals.every((signal) => signal in heard));
}

const { SIGKILL, SIGSTOP, SIGURG, ...others } = constants.signals;
const synchronous = [others.SIGSEGV, others.SIGBUS, others.SIGFPE, others.SIGILL, others.SIGTRAP];
/** The signals that no mask can hold, those that glibc reserves, and those that Go must receive. */
const unblocked = [SIGKILL, SIGSTOP, 32, 33, SIGURG, ...synchronous, others.SIGSYS, others.SIGABRT];
const asynchronous = Array.from({ length: 64 }, (_, index) => index + 1)
  .filter((signal) => !unblocked.includes(signal))
  .reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n)
  .toString(16);

// A crash ends the process, so each test uses one of its own.
describe("signals beside ffi", () => {
  onlyInSandbox();
  endLeftTunnels("wgr1", "wgr2", "wgr3");
  let directory = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-signals-`);
  });
  after(() => rmSync(directory, { recursive: true }));

  it("reach none of Go's threads, and all the threads that they reached before", async () => {
    const { before, during } = JSON.parse(await runProgram(["masks"]));
    const threads = Object.entries(during);
    const born = threads.filter(([thread]) => !(thread in before));
    assert.ok(born.length > 1);
    assert.deepEqual([...new Set(born.map(([, mask]) => mask))], [asynchronous]);
    for (const [thread, mask] of threads) if (thread in before) assert.equal(mask, before[thread]);
  });

  /** Compiles a C program of this directory. */
  function compile(name: string): string {
    const program = `${directory}/${name}`;
    const source = `${packageRoot}/test/backends/ffi/${name}.c`;
    execFileSync("gcc", ["-std=c11", "-Wall", "-Wextra", "-Werror", source, "-o", program]);
    return program;
  }

  it("reach a C program's handlers without SA_ONSTACK, and do no harm", () => {
    const output = execFileSync(compile("host"), [libraryPath({})], { encoding: "utf8" });
    assert.equal(output, "ok\n");
  });

  it("do not end a C program that runs an interface whose log nobody reads", async () => {
    const program = spawn(compile("run"), [libraryPath({}), "wgr1"], { stdio: "ignore" });
    const exited = once(program, "exit");
    await untilAnswer("wgr1", AbortSignal.timeout(10_000));
    program.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
  });

  it("do no harm in a minute's storm beside traffic, opens and exchanges", async function () {
    this.timeout("3m");
    assertAllHappened(JSON.parse(await runProgram(["storm", "60"])), ["SIGTERM", "SIGCHLD"]);
  });

  it("do no harm to a process that --cpu-prof samples, which still writes its profile", async () => {
    const options = ["--cpu-prof", "--cpu-prof-interval=100", `--cpu-prof-dir=${directory}`];
    assertAllHappened(JSON.parse(await runProgram(["storm", "3", "SIGCHLD", "SIGIO"], options)));
    const [profile = ""] = readdirSync(directory).filter((file) => file.endsWith(".cpuprofile"));
    assert.ok(JSON.parse(readFileSync(`${directory}/${profile}`, "utf8")).samples.length > 0);
  });

  it("do no harm to a process with children by fork and cluster, or to these", async () => {
    assert.equal(await runProgram(["family"]), "3\n");
  });
});
