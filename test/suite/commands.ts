import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The time limit of a configuration command, in milliseconds. */
const limit = 20_000;

/** Runs a configuration command and resolves with its standard output. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  return (await execute(program, args, { timeout: limit })).stdout;
}

/** The words that run a command in a network namespace. */
export function inNamespace(
  namespace: string,
  ...command: readonly string[]
): [program: string, ...args: string[]] {
  return ["ip", "netns", "exec", namespace, ...command];
}
