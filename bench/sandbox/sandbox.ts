import { type ChildProcess, spawn } from "node:child_process";
import type { Environment } from "../../src/artifacts.js";

/** How a sandbox ended. */
export interface SandboxEnd {
  /** null: it was killed by a signal. */
  readonly exitStatus: number | null;
}

/** A command that runs in scripts/sandbox, or in a script that ends in it. */
export class Sandbox {
  /** Settles when every process of the sandbox that held its output is gone. */
  readonly ended: Promise<SandboxEnd>;
  readonly #child: ChildProcess;

  /**
   * Starts it. Its process takes the sandbox's place, since the script execs; it leads a session of
   * its own, so that an interrupt typed at the terminal reaches us alone and we end it in order.
   *
   * @param command the script and its arguments
   * @param onOutput takes its standard output and error
   */
  constructor(command: readonly string[], env: Environment, onOutput: (text: string) => void) {
    const [program = "", ...args] = command;
    this.#child = spawn(program, args, {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", onOutput);
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (exitStatus) => resolve({ exitStatus }));
    });
  }

  /** The process that made the namespaces. undefined: it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Kills it, and with its first process the kernel ends all others of its pid namespace. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** How long what is not watched otherwise may run in a sandbox, in milliseconds. */
const runLimit = 300_000;

/**
 * Runs a command in a sandbox to its end and resolves with its exit status and its output. After so many
 * milliseconds it is killed, and the output says so.
 */
export async function runInSandbox(
  command: readonly string[],
  env: Environment,
  signal: AbortSignal,
  milliseconds = runLimit,
): Promise<SandboxEnd & { readonly output: string }> {
  signal.throwIfAborted();
  let output = "";
  const sandbox = new Sandbox(command, env, (text) => {
    output += text;
  });
  const kill = () => sandbox.kill();
  signal.addEventListener("abort", kill);
  const timer = setTimeout(() => {
    output += `\nIt was killed after ${milliseconds / 1000} s.\n`;
    kill();
  }, milliseconds);
  try {
    const end = await sandbox.ended;
    signal.throwIfAborted();
    return { ...end, output };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  }
}
