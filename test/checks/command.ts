import { spawn } from "node:child_process";

/** How a command ended. */
export interface CommandResult {
  /** Its exit status; 128 if a signal ended it. */
  readonly status: number;
  /** Standard output and standard error, in the order in which they arrived. */
  readonly output: string;
}

/** How long the output of a killed command is read, in milliseconds: a process that left its group may hold the pipes. */
const outputGrace = 1000;

/**
 * Runs a command to its end, without input. It gets a session of its own: the kernel shares the
 * processors between sessions, so a command with many threads does not starve its neighbours.
 *
 * @param signal kills the command with all that it started; it has failed then
 * @param onOutput receives the output while the command runs
 */
export function runCommand(
  [program = "", ...args]: readonly string[],
  signal: AbortSignal,
  environment: NodeJS.ProcessEnv = process.env,
  onOutput: (chunk: Buffer) => void = () => {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(program, args, {
      detached: true,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer) => {
      chunks.push(chunk);
      onOutput(chunk);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    let grace: NodeJS.Timeout | undefined;
    const kill = () => {
      killGroup(child.pid);
      grace = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, outputGrace);
    };
    signal.addEventListener("abort", kill);
    child.on("error", reject);
    child.on("close", (code, name) => {
      signal.removeEventListener("abort", kill);
      clearTimeout(grace);
      const why = name === null ? "" : `\n${program} was ended by ${name}${causeOf(signal)}\n`;
      resolve({ status: code ?? 128, output: Buffer.concat(chunks).toString() + why });
    });
  });
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of it has ended already.
  }
}

function causeOf({ aborted, reason }: AbortSignal): string {
  return aborted ? `: ${reason instanceof Error ? reason.message : reason}` : "";
}
