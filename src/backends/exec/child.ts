import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { requireDependency } from "../../artifacts.js";
import { shortageError } from "../../descriptors.js";
import { variables } from "../../engine/files.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { redact } from "../../text/redact.js";
import { requireSpawn } from "../../tool.js";
import { readLines } from "../lines.js";
import { parseStatus, type Status } from "../status.js";
import type { ChildDescriptors } from "./descriptors.js";
import { isExiting } from "./exiting.js";
import { type ChildEnd, isCrash } from "./foreign.js";

/** How many of a child's last lines are kept to explain its end. */
const keptLines = 20;

/** How long a child may take to end after a signal before SIGKILL, in milliseconds. */
const terminationGrace = 5_000;

/** How long a dead child's last output is waited for, in milliseconds: a grandchild may hold it open. */
const outputGrace = 200;

/** How a child is started. */
export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly descriptors: ChildDescriptors;
  /** The variable that names another command. Default: that of tunnels with an interface. */
  readonly variable?: string;
  /** It gets a session of its own, and outlives this process. Default false. */
  readonly detached?: boolean;
  /** Receives each line of its output that comes over a pipe, without keys. */
  readonly onLine?: (line: string) => void;
  /** Receives each line on its status descriptor. */
  readonly onStatus?: (line: string) => unknown;
}

/** A program that runs a tunnel. Its owner must terminate it. */
export class Child {
  /** Resolves when the child has ended, however much of its output is unread. */
  readonly exited: Promise<void>;
  /** Resolves when the child has ended and its output has been read. */
  readonly ended: Promise<ChildEnd>;
  /** Resolves with the first line on the status descriptor; never if the program has none. */
  readonly firstStatus: Promise<string>;
  /** The newest line on the status descriptor. */
  lastStatus: string | undefined;
  readonly detached: boolean;
  readonly #process: ChildProcess;
  #killing: NodeJS.Timeout | undefined;

  private constructor(process: ChildProcess, options: ChildOptions) {
    this.#process = process;
    this.detached = options.detached ?? false;
    const output: string[] = [];
    let crash: string | undefined;
    for (const fd of [1, 2]) {
      if (options.descriptors.stdio[fd] !== "pipe") continue;
      void readLines(pipeOf(process, fd), (line) => {
        const shown = redact(line);
        if (isCrash(line)) crash ??= shown;
        output.push(shown);
        if (output.length > keptLines) output.shift();
        options.onLine?.(shown);
      });
    }
    this.firstStatus = new Promise((resolve) => {
      void readLines(pipeOf(process, options.descriptors.statusFd), (line) => {
        this.lastStatus = line;
        options.onStatus?.(line);
        resolve(line);
      });
    });
    const closed = new Promise((resolve) => process.once("close", resolve));
    this.exited = new Promise((resolve) => process.once("exit", () => resolve()));
    this.ended = this.exited.then(async () => {
      clearTimeout(this.#killing);
      const late = setTimeout(() => this.#destroyPipes(), outputGrace);
      await closed; // all pipes have ended, or were destroyed
      clearTimeout(late);
      const { exitCode, signalCode } = process;
      return { code: exitCode, signal: signalCode, output, crash };
    });
  }

  /**
   * Starts a program, and resolves once the kernel runs it.
   * @throws WgBridgeError WG_BRIDGE_EXECUTABLE_MISSING, WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE, WG_BRIDGE_RESOURCES
   */
  static async start(options: ChildOptions): Promise<Child> {
    const { command, args, descriptors, detached = false } = options;
    const { stdio, env } = descriptors;
    try {
      return new Child(await spawned(command, args, { stdio, env, detached }), options);
    } catch (error) {
      throw spawnError(command, error, options.variable ?? variables.executable);
    }
  }

  /** The child has not ended. */
  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Whether the child's process has begun to end; undefined if the kernel does not say. */
  get exiting(): boolean | undefined {
    const { pid } = this.#process;
    return this.running && pid !== undefined ? isExiting(pid) : true;
  }

  /** Null before the end, and after one by a signal. */
  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** What the newest line on the status descriptor says. */
  get status(): Status | undefined {
    return parseStatus(this.lastStatus ?? "");
  }

  /** Lets this process end before a detached child. */
  release(): void {
    if (!this.detached) return;
    this.#process.unref();
    for (const stream of this.#process.stdio) {
      if (stream && "unref" in stream && typeof stream.unref === "function") stream.unref();
    }
  }

  /** Lets this process end before the child, of which it reads nothing any more. */
  abandon(): void {
    this.#process.unref();
    this.#destroyPipes();
  }

  /** Kills the child without waiting for its end. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Sends the child a signal, kills it if it does not end by that, and resolves when it has ended. */
  async terminate(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#process.ref();
    this.#process.kill(signal);
    if (this.running) this.#killing ??= setTimeout(() => this.kill(), terminationGrace);
    await this.ended;
  }

  #destroyPipes(): void {
    for (const stream of this.#process.stdio) stream?.destroy();
  }
}

function pipeOf(child: ChildProcess, fd: number): Readable {
  const stream = child.stdio[fd];
  if (stream && "read" in stream) return stream;
  throw new Error(`Descriptor ${fd} of the child is not a pipe.`);
}

async function spawned(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly stdio: readonly unknown[] },
): Promise<ChildProcess> {
  requireSpawn(command, options.stdio.length);
  const child = findSpawn(command)(command, args, options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child;
}

/** A bundle may have left cross-spawn behind, which adds to Node.js's own spawn only what Windows needs. */
function findSpawn(command: string): typeof import("cross-spawn").spawn {
  if (command === process.execPath) return spawn;
  try {
    return requireDependency<typeof import("cross-spawn")>("cross-spawn").spawn;
  } catch {
    return spawn;
  }
}

function spawnError(executable: string, error: unknown, variable: string): WgBridgeError {
  if (error instanceof WgBridgeError) return error;
  const shortage = shortageError(`Starting ${executable}`, error);
  if (shortage !== undefined) return shortage;
  const choose = `Choose another with ${variable}, or the option executable.`;
  const missing = systemCodeOf(error) === "ENOENT";
  return new WgBridgeError(
    missing ? "WG_BRIDGE_EXECUTABLE_MISSING" : "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
    missing
      ? `The executable ${executable}, or the loader or interpreter that it names, does not exist. ${choose}`
      : `The executable ${executable} cannot be run on this machine (${messageOf(error)}). ${choose}`,
    { cause: error },
  );
}
