import { type CommandResult, runCommand } from "./command.js";
import { type Outcome, oneFailed, onePassed, oneSkipped } from "./outcome.js";

/** One line of the test run. */
export interface Check {
  readonly name: string;
  /** What the check consists of. Its jobs are independent of each other and of those of other checks. */
  readonly jobs: readonly Job[];
}

/** What one lane runs at a time. */
export interface Job {
  readonly name: string;
  /** Whether it needs namespaces and a TUN device; on a machine without them it is skipped. */
  readonly needsSandbox: boolean;
  /** Whether it computes most of its time, rather than waits. */
  readonly isBusy: boolean;
  /** @param signal ends the job early; it has failed then */
  run(signal: AbortSignal): Promise<Outcome>;
}

/** What a check made of one command may say about itself. */
export interface CommandOptions {
  readonly isBusy?: boolean;
  readonly read?: (result: CommandResult) => Outcome;
}

/** The status by which a script says that this machine cannot run it; its last line says why. */
export const cannotRun = 77;

/** Returns a check that runs one command. It passes if the command's status is 0. */
export function plain(
  name: string,
  command: readonly string[],
  {
    isBusy = false,
    read = (result: CommandResult) => readStatus(name, result),
  }: CommandOptions = {},
): Check {
  const run = async (signal: AbortSignal) => read(await runCommand(command, signal));
  return { name, jobs: [{ name, needsSandbox: false, isBusy, run }] };
}

/** Returns a check whose command makes a sandbox for itself. */
export function inSandbox(
  name: string,
  command: readonly string[],
  options: CommandOptions = {},
): Check {
  const check = plain(name, command, options);
  return { name, jobs: check.jobs.map((job) => ({ ...job, needsSandbox: true })) };
}

/** Returns why nothing can run in the sandbox on this machine; undefined if everything can. */
export async function findSandboxObstacle(signal: AbortSignal): Promise<string | undefined> {
  const openTun = ["scripts/sandbox", "bash", "-c", "exec 3<>/dev/net/tun"];
  const { status, output } = await runCommand(openTun, signal);
  return status === 0 ? undefined : lastLine(output);
}

/** Counts a command as one test: passed, failed, or skipped if it says that this machine cannot run it. */
export function readStatus(name: string, { status, output }: CommandResult): Outcome {
  if (status === 0) return onePassed;
  return status === cannotRun ? oneSkipped(name, lastLine(output)) : oneFailed(output);
}

/** Returns the last line of a text. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
