import { existsSync, writeFileSync } from "node:fs";
import { type Environment, upstreamExecutablePath } from "../../src/artifacts.js";
import { messageOf } from "../../src/errors.js";
import { printableJson, printableLines } from "../../src/text/printable.js";
import { styleFor } from "../../src/text/style.js";
import { Interrupted, interruptible } from "../sandbox/interrupt.js";
import { checkNamedProgram } from "../sandbox/named-program.js";
import { checkMachine, checkPage } from "../sandbox/preflight.js";
import { type BenchArguments, parseBenchArguments, usage } from "./arguments.js";
import { bench } from "./bench.js";
import { handshakesClientPath } from "./handshakes.js";
import { renderPage } from "./html.js";
import { measuredPrograms } from "./programs.js";
import type { BenchResult } from "./result.js";
import { formatTable } from "./table.js";

/** What the probe and the sandbox call. */
const tools = ["wg", "iperf3", "ping", "ip", "unshare"];

/**
 * Runs `wg-bridge bench`. The table, or the JSON, goes to standard output; progress and errors go to
 * standard error.
 *
 * @param args what follows `bench` on the command line
 * @param env decides PATH, the library and executable, and colour (NO_COLOR)
 * @returns the exit status: 0 if all but the peers did everything; 130, 143 or 129 when SIGINT,
 *   SIGTERM or SIGHUP ended it; otherwise 1
 */
export async function benchCommand(args: readonly string[], env: Environment): Promise<number> {
  try {
    const wanted = parseBenchArguments(args);
    if (wanted.help) {
      process.stdout.write(usage);
      return 0;
    }
    const result = await interruptible((signal) => measure(wanted, env, signal));
    if (wanted.html !== undefined) writeFileSync(wanted.html, renderPage(result));
    process.stdout.write(
      wanted.json ? printableJson(result) : formatTable(result, styleFor(process.stdout, env)),
    );
    return result.programs.some(({ judged, failures }) => judged && failures.length > 0) ? 1 : 0;
  } catch (error) {
    process.stderr.write(`wg-bridge bench: ${printableLines(messageOf(error))}\n`);
    return error instanceof Interrupted ? error.exitCode : 1;
  }
}

async function measure(
  wanted: BenchArguments,
  env: Environment,
  signal: AbortSignal,
): Promise<BenchResult> {
  for (const path of [upstreamExecutablePath, handshakesClientPath]) {
    if (existsSync(path)) continue;
    throw new Error(
      `${path} has not been built: bench runs in a checkout of wg-bridge. There, npm run bench builds it.`,
    );
  }
  for (const peer of wanted.peers) await checkNamedProgram("--peer", peer);
  if (wanted.html !== undefined) await checkPage(wanted.html);
  await checkMachine("bench", tools, env, signal);
  const { rounds, seconds, legs } = wanted;
  const programs = measuredPrograms(wanted.peers, wanted.without, env);
  return bench({ programs, rounds, seconds, legs, env, progress: process.stderr, signal });
}
