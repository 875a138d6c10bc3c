import { spawn } from "node:child_process";

/** How a command ended. */
export interface CommandResult {
  /** Its exit status; 128 when a signal ended it. */
  readonly status: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/**
 * Runs a command to its end, without input.
 *
 * @param limit how long it may take, in milliseconds. A command that hangs is killed and has failed.
 */
export function runCommand(
  [program = "", ...args]: readonly string[],
  limit: number,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limit,
      killSignal: "SIGKILL",
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const why = signal === null ? "" : `\n${program} was ended by ${signal}\n`;
      resolve({ status: code ?? 128, output: Buffer.concat(chunks).toString() + why });
    });
  });
}
