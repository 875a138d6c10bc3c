import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { type Environment, packageRoot, sandboxScript } from "../../src/artifacts.js";
import { readLines } from "../../src/backends/lines.js";
import { withTimeLimit } from "../../src/deadline.js";
import { messageOf } from "../../src/errors.js";
import type { Context, Reporter, Turn } from "../bench.js";
import type { Finding } from "../rounds.js";

/** What is done with a command in a sandbox. */
export interface SandboxOptions {
  readonly env: Environment;
  /** Kills the command, and with its first process the kernel ends all others of its pid namespace. */
  readonly signal: AbortSignal;
  /** Takes each line of its standard output and error. */
  readonly onLine: (line: string) => void;
  /** Takes the id of the process that made the namespaces. */
  readonly onStart?: (pid: number) => void;
}

/**
 * Runs scripts/sandbox, or a script that ends in it, until every process that held its output is gone.
 * It leads a session of its own, so that an interrupt typed at the terminal reaches this process alone,
 * which then ends the sandbox in order.
 *
 * @returns the exit status. null: it was killed
 * @throws Error if it could not be started
 */
export async function runInSandbox(
  command: readonly string[],
  { env, signal, onLine, onStart }: SandboxOptions,
): Promise<number | null> {
  const [program = "", ...args] = command;
  const child = execa(program, args, {
    env: { ...env },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    buffer: false,
    detached: true,
    reject: false,
    cancelSignal: signal,
    killSignal: "SIGKILL",
  });
  if (child.pid !== undefined) onStart?.(child.pid);
  await readLines(child.all, onLine);
  const { exitCode, isTerminated, failed, cause } = await child;
  if (exitCode === undefined && failed && !isTerminated) throw cause;
  return exitCode ?? null;
}

/** A line without escape sequences and control characters. */
export function plainText(line: string): string {
  return stripVTControlCharacters(line).replace(/\p{Cc}/gu, "");
}

/** How long a simple command may run in a sandbox, in milliseconds. */
const commandLimit = 300_000;

/** Runs a simple command in a sandbox, and returns its exit status and the last line that it printed. */
export async function tryInSandbox(
  command: readonly string[],
  { env, signal }: Context,
): Promise<{ readonly exitStatus: number | null; readonly lastLine: string }> {
  let lastLine = "";
  const tooLong = () => new Error(`it took longer than ${commandLimit / 1000} s`);
  const exitStatus = await withTimeLimit(commandLimit, tooLong, signal, (either) =>
    runInSandbox([sandboxScript, ...command], {
      env,
      signal: either,
      onLine: (line) => {
        lastLine = line.trim() || lastLine;
      },
    }),
  );
  signal.throwIfAborted();
  return { exitStatus, lastLine };
}

/** Begins each line in which a turn reports: the programs that it starts may print anything. */
const mark = "\u001e";

/** Writes a finding as a line. */
export function lineOf(finding: Finding): string {
  return `${mark}${JSON.stringify(finding)}\n`;
}

/** The program that takes a turn inside the sandbox. Its arguments: a benchmark's name, and a Turn as JSON. */
const inside = [process.execPath, `${packageRoot}/dist/bench/inside.js`];

/** Takes a turn in a sandbox. If its process dies, its remaining legs count as failed. */
export async function turnInSandbox(
  bench: string,
  turn: Turn,
  reporter: Reporter,
  { env, signal }: Context,
  program: readonly string[] = inside,
): Promise<void> {
  let [leg] = turn.legs;
  let last = "";
  const onLine = (line: string) => {
    if (!line.startsWith(mark)) {
      last = plainText(line).trim() || last;
      return;
    }
    const finding: Finding = JSON.parse(line.slice(mark.length));
    if (finding.kind === "found") reporter.found(finding.id, finding.value);
    else if (finding.kind === "failed") reporter.failed(finding.leg, finding.because);
    else {
      leg = finding.leg;
      reporter.doing(leg, finding.what);
    }
  };
  const command = [sandboxScript, ...program, bench, JSON.stringify(turn)];
  const exitStatus = await runInSandbox(command, { env, signal, onLine }).catch(messageOf);
  signal.throwIfAborted();
  if (exitStatus === 0 || leg === undefined) return;
  const because = `The sandbox ended with ${exitStatus ?? "a signal"}: ${last || "no output"}`;
  for (const left of turn.legs.slice(turn.legs.indexOf(leg))) reporter.failed(left, because);
}
