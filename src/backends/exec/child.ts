import type { ChildProcess } from "node:child_process";
import { redact } from "../../text/redact.js";
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

/** The descriptor in the child at whose end of file it ends: this process has gone. */
const lifelineFd = 4;

/** How a child is started. */
export interface ChildOptions {
  readonly executable: string;
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLog: (line: string) => void;
  /** It outlives this process, in a session of its own and without output. */
  readonly detached: boolean;
}

/** A wireguard-go program that runs in the foreground. Its owner must terminate it. */
export class Child {
  /** Resolves when the child has ended, with what it wrote last. */
  readonly exited: Promise<ChildEnd>;
  /** Resolves with the first line on the status descriptor; never, where the program has none. */
  readonly firstStatus: Promise<string>;
  /** The newest line on the status descriptor. */
  lastStatus: string | undefined;
  readonly detached: boolean;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, { onLog, detached }: ChildOptions) {
    this.#process = process;
    this.detached = detached;
    const output: string[] = [];
    for (const fd of detached ? [] : [1, 2]) {
      void readLines(outputOf(process, fd), (line) => {
        const shown = redact(line);
        output.push(shown);
        if (output.length > keptLines) output.shift();
        onLog(shown);
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
  static async start(options: ChildOptions): Promise<Child> {
    const { executable, name, env, detached } = options;
    const process = await spawnExecutable(executable, ["-f", name], {
      detached,
      stdio: detached
        ? ["ignore", "ignore", "ignore", "pipe"]
        : ["ignore", "pipe", "pipe", "pipe", "pipe"],
      env: {
        ...env,
        WG_PROCESS_FOREGROUND: "1",
        WG_PROCESS_STATUS_FD: String(statusFd),
        WG_PROCESS_LIFELINE_FD: detached ? "" : String(lifelineFd),
      },
    });
    return new Child(process, options);
  }

  /** The child has not ended. */
  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** This process need not wait for a detached child: it may end before. */
  release(): void {
    if (!this.detached) return;
    this.#process.unref();
    for (const stream of this.#process.stdio) {
      if (stream && "unref" in stream && typeof stream.unref === "function") stream.unref();
    }
  }

  /** Kills the child without waiting for its end. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Asks the child to end, kills it if it does not, and resolves when it has ended. */
  async terminate(): Promise<void> {
    this.#process.ref();
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), terminationGrace);
    await this.exited;
    clearTimeout(timer);
  }
}
