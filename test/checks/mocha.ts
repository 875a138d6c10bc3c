import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Check, type Job, readStatus } from "./check.js";
import { runCommand } from "./command.js";
import { type Outcome, oneFailed, onePassed } from "./outcome.js";

/** The test files, by what they need. */
export interface TestFiles {
  /** Neither privileges nor a sandbox. */
  readonly unit: readonly string[];
  /** A sandbox: these call onlyInSandbox() of test/sandbox.ts. */
  readonly sandboxed: readonly string[];
  /** A sandbox, and the packages that it installs. */
  readonly installers: readonly string[];
}

interface MochaTest {
  readonly fullTitle: string;
  readonly err: { readonly message?: string; readonly stack?: string };
}

interface MochaReport {
  readonly stats: { readonly passes: number };
  readonly pending: readonly MochaTest[];
  readonly failures: readonly MochaTest[];
}

/** Where the tests are after they have been compiled. */
const directories = ["dist/test", "dist/bench"];

/** The files that take longest; they start first, so that nothing is left waiting for one of them alone. */
const slowest = [
  "faults/faults",
  "parity/features",
  "parity/foreground",
  "userspace/load",
  "clients/curl",
  "tunnel/process-end",
  "tunnel/together",
  "tunnel/descriptors",
  "clients/database",
  "clients/chromium",
  "clients/ssh",
  "backends/ffi/signals",
  "cli/completion",
  "bench/test/tunnels/tunnels",
  "parity/uapi",
  "parity/traffic",
  "cli/set",
  "parity/background",
  "cli/run",
  "tunnel/tunnel",
  "cli/output",
  "cli/commands",
  "docs/examples",
  "interop/interop",
  "containers/kubernetes",
  "containers/image",
  "systemd/service",
  "installers/failures",
  "installers/yarn",
  "installers/npm",
];

/** Where mocha's processes write which code they ran, for scripts/coverage. */
const coverageDirectory = "build/coverage";

const skipMark = / \[skipped: ([^\]]*)\]/;

/** Finds the compiled test files. What a file needs is told by its text: see onlyInSandbox(). */
export async function findTestFiles(): Promise<TestFiles> {
  const unit: string[] = [];
  const sandboxed: string[] = [];
  const installers: string[] = [];
  for (const directory of directories) {
    const names = await readdir(directory, { recursive: true });
    for (const name of names.filter((each) => each.endsWith(".test.js")).sort()) {
      const path = join(directory, name);
      const text = await readFile(path, "utf8");
      if (!/\bonlyInSandbox\(\)/.test(text)) unit.push(path);
      else if (name.startsWith("installers/")) installers.push(path);
      else sandboxed.push(path);
    }
  }
  return { unit, sandboxed, installers };
}

/**
 * Returns the check of all unit tests. Root runs them as a user without privileges, and nobody in a sandbox: a
 * file that needs either fails here.
 */
export function unitTests(files: readonly string[]): Check {
  const prefix = process.geteuid?.() === 0 ? ["scripts/unprivileged"] : [];
  return { name: "unit tests", jobs: [mochaJob("unit tests", prefix, files)] };
}

/** Returns the check of all other test files: each in a sandbox of its own, the slowest first. */
export function sandboxedTests(files: readonly string[]): Check {
  const jobs = files
    .toSorted((one, other) => rank(one) - rank(other))
    .map((file): Job => {
      return { ...mochaJob(nameOf(file), ["scripts/sandbox"], [file]), needsSandbox: true };
    });
  return { name: "sandboxed tests", jobs };
}

/** Makes what test/installers installs: the packages of this machine and of one other, or of all. */
const makePackages = [
  "scripts/platform-packages",
  ...(process.env.WG_BRIDGE_ALL_PACKAGES === "1" ? [] : [process.arch, "riscv64"]),
];

/**
 * Returns the check of the files that install the packages. One command makes these first, once and outside of the
 * sandboxes, because it may have to download a compiler.
 */
export function installerTests(files: readonly string[], make = makePackages): Check {
  let made: Promise<Outcome> | undefined;
  const jobs = sandboxedTests(files).jobs.map((job): Job => {
    const run = async (signal: AbortSignal) => {
      made ??= runCommand(make, signal).then((result) => readStatus(job.name, result));
      const outcome = await made;
      return outcome === onePassed ? job.run(signal) : outcome;
    };
    return { ...job, run };
  });
  return { name: "installers", jobs };
}

function rank(file: string): number {
  const index = slowest.indexOf(nameOf(file));
  return index < 0 ? slowest.length : index;
}

/** Empties the directory for coverage, and lets every user write there. */
export async function prepareCoverage(): Promise<void> {
  await rm(coverageDirectory, { recursive: true, force: true });
  await mkdir(coverageDirectory, { recursive: true });
  await chmod(coverageDirectory, 0o1777);
}

/** Returns a test file's path below dist/test, or below dist, as short as it can be recognised. */
function nameOf(file: string): string {
  return file.replace(/^dist\/(test\/)?|\.test\.js$/g, "");
}

/** @param prefix the command that starts mocha */
function mochaJob(name: string, prefix: readonly string[], files: readonly string[]): Job {
  const report = `build/checks/${name.replaceAll(/[ /]/g, "-")}.json`;
  const reporter = ["--reporter", "json", "--reporter-option", `output=${report}`];
  const requirement = ["--require", "./dist/test/checks/own-coverage.js"];
  const command = [...prefix, "node_modules/.bin/mocha", ...reporter, ...requirement, ...files];
  const run = async (signal: AbortSignal) => {
    await makeEmpty(report);
    const environment = { ...process.env, NODE_V8_COVERAGE: coverageDirectory };
    const { output, status } = await runCommand(command, signal, environment);
    return readMochaTests(await readFile(report, "utf8"), output, status);
  };
  return { name, needsSandbox: false, isBusy: false, run };
}

/** Leaves an empty file that every user may write. */
async function makeEmpty(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, "");
  await chmod(path, 0o666);
}

/**
 * Counts what mocha's JSON reporter wrote. A test that skips itself appends its reason to its title,
 * or its suite's, in brackets: `opens a tunnel [skipped: there is no /dev/net/tun]`.
 *
 * @param report the file's text; empty if mocha ended before it wrote one
 * @param output what mocha printed
 */
export function readMochaTests(report: string, output: string, status: number): Outcome {
  if (report === "") return oneFailed(output);
  const { stats, pending, failures }: MochaReport = JSON.parse(report);
  if (failures.length === 0 && status !== 0) return oneFailed(output);
  return {
    passed: stats.passes,
    failed: failures.length,
    skips: pending.map(({ fullTitle }) => ({
      test: fullTitle.replace(skipMark, ""),
      reason: skipMark.exec(fullTitle)?.[1] ?? "no reason given",
    })),
    details: failures
      .map(({ fullTitle, err }) => `${fullTitle}\n${err.stack ?? err.message ?? ""}\n`)
      .join("\n"),
  };
}
