import { writeFileSync } from "node:fs";
import { messageOf } from "../../src/errors.js";

/** A suite of measurements or tests that a script runs in a sandbox. */
export interface Suite<Arguments> {
  readonly usage: string;
  /** @throws Error whose message is a sentence for a person */
  readonly parse: (args: readonly string[]) => Arguments;
  /** Resolves with the exit status. */
  readonly run: (wanted: Arguments) => Promise<number>;
}

/** Runs a suite with this process's arguments. The exit status is 2 if they are wrong, and 1 if the suite throws. */
export async function runSuite<Arguments>({ usage, parse, run }: Suite<Arguments>): Promise<void> {
  let wanted: Arguments;
  try {
    wanted = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  try {
    process.exitCode = await run(wanted);
  } catch (error) {
    showProgress(messageOf(error));
    process.exitCode = 1;
  }
}

/** Prints a line beside the results, which go to standard output. */
export function showProgress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes the results to the file that --json names, if any. */
export function writeResults(path: string | undefined, results: unknown): void {
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
}
