import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { withTimeLimit } from "../../src/deadline.js";
import { cannotRun, lastLine } from "../checks/check.js";
import { type CommandResult, runCommand } from "../checks/command.js";
import { readMochaTests } from "../checks/mocha.js";

/** One line of the release check: a command, which ends with 0 if all is well. */
export interface Row {
  /** Its name for --only: "chroot". */
  readonly row: string;
  /** What it proves. */
  readonly what: string;
  readonly command: readonly string[];
  /** The minutes after which it counts as hanging: several times what it takes on two busy cores. */
  readonly minutes: number;
  /** The file for the results of the command's mocha. A mocha whose tests all skip themselves ends with 0. */
  readonly report?: string;
}

/** How a row ended. */
export interface RowResult {
  readonly row: string;
  readonly what: string;
  readonly result: "passed" | "failed" | "skipped";
  /** Why it did not pass; otherwise empty. */
  readonly because: string;
  readonly seconds: number;
}

/** A row's result, and everything that its command printed. */
export interface RowRun {
  readonly result: RowResult;
  readonly output: string;
}

type Judgement = Pick<RowResult, "result" | "because">;

/** Runs a row's command to its end, or kills it with its process group when its time is up. */
export async function runRow(
  { row, what, command, minutes, report }: Row,
  interrupted: AbortSignal,
  onOutput: (chunk: Buffer) => void,
): Promise<RowRun> {
  const began = performance.now();
  if (report !== undefined) {
    await mkdir(dirname(report), { recursive: true });
    await rm(report, { force: true });
  }
  let late: Error | undefined;
  const tooLate = () => {
    late = new Error(`did not end within ${minutes} minutes`);
    return late;
  };
  const run = (signal: AbortSignal) => runCommand(command, signal, process.env, onOutput);
  let ended: CommandResult;
  try {
    ended = await withTimeLimit(minutes * 60_000, tooLate, interrupted, run);
  } catch (error) {
    interrupted.throwIfAborted();
    // A command that is missing is a failure, never a skip.
    ended = { status: 127, output: `${command[0]} could not be started: ${String(error)}\n` };
  }
  interrupted.throwIfAborted();
  const judgement = late === undefined ? await judge(ended, report) : failed(late.message);
  const seconds = (performance.now() - began) / 1000;
  return { result: { row, what, ...judgement, seconds }, output: ended.output };
}

async function judge(ended: CommandResult, report: string | undefined): Promise<Judgement> {
  const { status, output } = ended;
  if (status === cannotRun) return { result: "skipped", because: lastLine(output) };
  if (status !== 0) return failed(lastLine(output) || `ended with status ${status}`);
  if (report === undefined) return { result: "passed", because: "" };
  return judgeTests(await readFile(report, "utf8").catch(() => ""), ended);
}

/** Judges a mocha that ended with 0: if a test skipped itself, the row has not shown what it promises. */
export function judgeTests(report: string, { output, status }: CommandResult): Judgement {
  const { passed, failed: failures, skips } = readMochaTests(report, output, status);
  if (failures > 0) return failed(report === "" ? "mocha wrote no report" : lastLine(output));
  const [skip] = skips;
  if (skip !== undefined) {
    const tests = passed + skips.length;
    return {
      result: "skipped",
      because: `${skips.length} of ${tests} tests: ${skip.test}: ${skip.reason}`,
    };
  }
  return passed === 0 ? failed("no test ran") : { result: "passed", because: "" };
}

function failed(because: string): Judgement {
  return { result: "failed", because };
}
