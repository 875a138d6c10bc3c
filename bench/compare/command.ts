import { writeFileSync } from "node:fs";
import { type Environment, packageRoot } from "../../src/artifacts.js";
import { messageOf, WgBridgeError } from "../../src/errors.js";
import { printableJson, printableLines } from "../../src/text/printable.js";
import { styleFor } from "../../src/text/style.js";
import { Interrupted, interruptible } from "../sandbox/interrupt.js";
import { checkNamedProgram } from "../sandbox/named-program.js";
import { checkMachine, checkPage } from "../sandbox/preflight.js";
import { type CompareArguments, parseCompareArguments, usage } from "./arguments.js";
import { compare } from "./compare.js";
import type { Comparison } from "./comparison.js";
import { renderPage } from "./html.js";
import { comparedPrograms } from "./programs.js";
import { defaultBounds } from "./run.js";
import { scriptHash } from "./script.js";
import { formatTable } from "./table.js";

/** What netns.sh and the sandbox call. */
const tools = ["wg", "iperf3", "ncat", "ping", "ping6", "iptables", "ip", "ss", "unshare"];

/** Upstream's integration test with the container patch applied. */
const netnsScript = `${packageRoot}/test/netns.sh`;

const harness = `${packageRoot}/test/test.sh`;

/**
 * Runs `wg-bridge compare`. The table, or the JSON, goes to standard output; progress and errors go
 * to standard error.
 *
 * @param args what follows `compare` on the command line
 * @param env decides PATH, the library and executable, and colour (NO_COLOR)
 * @returns the exit status: 0 if exec and ffi passed every run; 130, 143 or 129 when SIGINT, SIGTERM
 *   or SIGHUP ended it; otherwise 1
 */
export async function compareCommand(args: readonly string[], env: Environment): Promise<number> {
  try {
    const wanted = parseCompareArguments(args);
    if (wanted.help) {
      process.stdout.write(usage);
      return 0;
    }
    const comparison = await interruptible((signal) => measure(wanted, env, signal));
    publish(comparison, wanted, env);
    return comparison.passed ? 0 : 1;
  } catch (error) {
    process.stderr.write(`wg-bridge compare: ${printableLines(messageOf(error))}\n`);
    if (error instanceof Interrupted) return error.exitCode;
    if (isLackOfMachine(error)) await showDoctor(env);
    return 1;
  }
}

async function measure(
  wanted: CompareArguments,
  env: Environment,
  signal: AbortSignal,
): Promise<Comparison> {
  const hash = scriptHash(netnsScript);
  for (const program of wanted.also) await checkNamedProgram("--also", program);
  if (wanted.html !== undefined) await checkPage(wanted.html);
  await checkMachine("netns.sh", tools, env, signal);
  return compare({
    programs: comparedPrograms(wanted.also),
    repeats: wanted.repeats,
    scriptHash: hash,
    harness,
    bounds: defaultBounds,
    env,
    progress: process.stderr,
    signal,
  });
}

function publish(comparison: Comparison, { json, html }: CompareArguments, env: Environment): void {
  if (html !== undefined) writeFileSync(html, renderPage(comparison));
  process.stdout.write(
    json ? printableJson(comparison) : formatTable(comparison, styleFor(process.stdout, env)),
  );
}

function isLackOfMachine(error: unknown): boolean {
  return (
    error instanceof WgBridgeError &&
    (error.code === "WG_BRIDGE_SANDBOX" || error.code === "WG_BRIDGE_NO_TUN")
  );
}

async function showDoctor(env: Environment): Promise<void> {
  const { doctorCommand } = await import("../../src/cli/doctor.js");
  process.stdout.write("\n");
  await doctorCommand([], env);
}
