import type { ChildProcess } from "node:child_process";
import { readLines } from "../lines.js";
import type { ChildEnd } from "./classify.js";
import { exitOf, outputOf } from "./exit.js";
import { spawnExecutable } from "./spawn.js";

/** How many of a child's last lines are kept to explain its end. */
const keptLines = 20;

/** How long a child may take to end after SIGTERM before SIGKILL, in milliseconds. */
const terminationGrace = 5_000;

/** The descriptor in the child on which it may say that it is ready, and why it ended. */
const statusFd = 3;

/** A wireguard-go program that runs in the foreground. Its owner must terminate it. */
export class Child {
  /** Resolves when the child has ended, with what it wrote last. */
  readonly exited: Promise<ChildEnd>;
  /** Resolves with the first line on the status descriptor; never, where the program has none. */
  readonly firstStatus: Promise<string>;
  /** The newest line on the status descriptor. */
  lastStatus: string | undefined;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, onLog: (line: string) => void) {
    this.#process = process;
    const output: string[] = [];
    for (const fd of [1, 2]) {
      void readLines(outputOf(process, fd), (line) => {
        output.push(line);
        if (output.length > keptLines) output.shift();
        onLog(line);
      });
    }
    this.firstStatus = new Promise((resolve) => {
      void readLines(outputOf(process, statusFd), (line) => {
        this.lastStatus = line;
        resolve(line);
      });
    });
    this.exited = exitOf(process).then((exit) => ({ ...exit, output }));
  }

  /** Starts `executable -f name`. Throws what spawnExecutable throws. */
  static async start(
    executable: string,
    name: string,
    env: NodeJS.ProcessEnv,
    onLog: (line: string) => void,
  ): Promise<Child> {
    const process = await spawnExecutable(executable, ["-f", name], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...env, WG_PROCESS_FOREGROUND: "1", WG_PROCESS_STATUS_FD: String(statusFd) },
    });
    return new Child(process, onLog);
  }

  /** The child has not ended. */
  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Asks the child to end, kills it if it does not, and resolves when it has ended. */
  async terminate(): Promise<void> {
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), terminationGrace);
    await this.exited;
    clearTimeout(timer);
  }
}
