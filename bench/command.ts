import { existsSync, writeFileSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { constants as system } from "node:os";
import { dirname } from "node:path";
import type { Environment } from "../src/artifacts.js";
import { findProgram } from "../src/doctor/tools.js";
import { messageOf } from "../src/errors.js";
import { printableJson, printableLines } from "../src/text/printable.js";
import { styleFor } from "../src/text/style.js";
import { type BenchArguments, parseBenchArguments, usage } from "./arguments.js";
import type { Bench, Context } from "./bench.js";
import { choosePrograms } from "./programs.js";
import { renderPage } from "./report/page.js";
import { renderPicture } from "./report/picture.js";
import { Progress } from "./report/progress.js";
import { formatTable } from "./report/table.js";
import type { Result } from "./result.js";
import { runRounds } from "./rounds.js";
import { checkNamedProgram } from "./sandbox/named-program.js";
import { tryInSandbox } from "./sandbox/sandbox.js";

/** The signals that ask a command to stop. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Takes what this machine forbids, as "this machine does not let you make a TUN interface (open: ...)". */
export type Instead = (clause: string) => Promise<number>;

/**
 * Runs a benchmark. The table, or the JSON, goes to standard output; progress and errors go to standard
 * error.
 *
 * @param env decides PATH, the library and executable, and colour (NO_COLOR)
 * @param instead runs in place of the benchmark, and returns the exit status, if this machine allows no namespaces or
 *   no TUN interfaces
 * @returns the exit status: 0 if it passed; 130, 143 or 129 when SIGINT, SIGTERM or SIGHUP ended it;
 *   otherwise 1
 */
export async function benchCommand(
  bench: Bench,
  args: readonly string[],
  env: Environment,
  instead?: Instead,
): Promise<number> {
  // Until the work has settled the process stays, to clean up.
  let interruptedBy: (typeof signals)[number] | undefined;
  const controller = new AbortController();
  const stop = (signal: (typeof signals)[number]) => {
    interruptedBy ??= signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    const wanted = parseBenchArguments(bench, args);
    if (wanted.help) {
      process.stdout.write(usage(bench));
      return 0;
    }
    const result = await measure(bench, wanted, { env, signal: controller.signal });
    publish(bench, result, wanted, env);
    return result.passed ? 0 : 1;
  } catch (error) {
    // Not awaited: a signal then ends this process, as without the handlers above.
    if (error instanceof ForbiddenError && instead !== undefined) return instead(error.clause);
    process.stderr.write(`${bench.name}: ${printableLines(messageOf(error))}\n`);
    if (interruptedBy !== undefined) return 128 + system.signals[interruptedBy];
    if (error instanceof MachineError) await showDoctor(env);
    return 1;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

async function measure(bench: Bench, wanted: BenchArguments, context: Context): Promise<Result> {
  const { rounds, maxRounds, seconds, legs, congestion, also, html, svg } = wanted;
  for (const path of bench.files) {
    if (!existsSync(path)) throw new Error(`${path} has not been built: run scripts/setup.`);
  }
  for (const program of also) checkNamedProgram("--also", program);
  for (const file of [html, svg]) if (file !== undefined) await checkWritable(file);
  await checkMachine(bench, context);
  const { programs, reference } = choosePrograms(bench, wanted, context.env);
  const progress = new Progress(process.stderr, context.env, rounds * programs.length);
  const options = { programs, rounds, maxRounds, seconds, legs, congestion, progress };
  return runRounds({ ...bench, reference }, { ...options, ...context });
}

function publish(
  bench: Bench,
  result: Result,
  { json, html, svg }: BenchArguments,
  env: Environment,
): void {
  if (html !== undefined) writeFileSync(html, renderPage(bench, result));
  if (svg !== undefined) writeFileSync(svg, renderPicture(bench, result));
  process.stdout.write(
    json ? printableJson(result) : formatTable(bench, result, styleFor(process.stdout, env)),
  );
}

/** This machine cannot run benchmarks. */
class MachineError extends Error {}

/** It has what they need, and forbids its use. */
class ForbiddenError extends MachineError {
  readonly clause: string;

  constructor(what: string, reason: string) {
    super(`This machine does not let you make ${what}: ${reason}`);
    this.clause = `this machine does not let you make ${what} (${reason})`;
  }
}

/**
 * Checks that this machine can run a benchmark in a sandbox, before minutes go into it.
 * @throws MachineError if tools, namespaces or TUN interfaces are missing
 */
async function checkMachine({ name, tools }: Bench, context: Context): Promise<void> {
  const missing = [...tools, "ip", "unshare"].filter(
    (tool) => findProgram(tool, context.env) === undefined,
  );
  if (missing.length > 0) {
    throw new MachineError(`${missing.join(", ")} cannot be found: run scripts/setup-packages.`);
  }
  const sandbox = await tryInSandbox(["true"], context);
  if (sandbox.exitStatus !== 0) {
    throw new ForbiddenError(`the namespaces that ${name} runs in`, sandbox.lastLine);
  }
  const makeTun = ["ip", "tuntap", "add", "dev", "wg0", "mode", "tun"];
  const tun = await tryInSandbox(makeTun, context);
  if (tun.exitStatus !== 0) {
    throw new ForbiddenError("a TUN interface", tun.lastLine);
  }
}

/** Checks that a file can be written, before minutes go into what it shows. */
async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    throw new Error(`${path} cannot be written (${messageOf(cause)}).`, { cause });
  }
}

async function showDoctor(env: Environment): Promise<void> {
  const { doctorCommand } = await import("../src/cli/doctor.js");
  process.stdout.write("\n");
  await doctorCommand([], env);
}
