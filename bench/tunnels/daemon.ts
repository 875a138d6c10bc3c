import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { readLines } from "../../src/backends/lines.js";
import { socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import type { Program } from "../bench.js";
import { plainText } from "../sandbox/sandbox.js";
import { boringtunEnvironment } from "./boringtun.js";

/** How long a start or an end may take, in milliseconds. */
const limit = 20_000;

const execute = promisify(execFile);

/** What is started for a tunnel: to its command "-f" and the interface's name are added. */
export type TunnelProgram = Pick<Program, "command" | "env">;

/** A program that runs a tunnel in the foreground until it is stopped. */
export class Daemon {
  /** Milliseconds from its launch until its UAPI answered. */
  readonly startTime: number;
  readonly process: ChildProcess;
  readonly #name: string;
  readonly #lastWords: LastWords;

  private constructor(name: string, process: ChildProcess, words: LastWords, startTime: number) {
    this.#name = name;
    this.process = process;
    this.#lastWords = words;
    this.startTime = startTime;
  }

  /**
   * Starts one for the interface `name`, in a session of its own as every measured program: Linux shares the
   * processors among sessions (kernel.sched_autogroup_enabled).
   * @throws Error that says how it ended, if it did, with its last line of output
   */
  static async start({ command, env }: TunnelProgram, name: string): Promise<Daemon> {
    const launched = performance.now();
    const child = launch([...command, "-f", name], {
      // WG_SUDO lets boringtun and gotatun keep the rights without which they lose their interface.
      ...{ LOG_LEVEL: "error", WG_PROCESS_FOREGROUND: "1", WG_SUDO: "true" },
      ...boringtunEnvironment,
      ...env,
    });
    const words = new LastWords(child);
    const ended = once(child, "close").then(() => `It ended at its start, ${endOf(child, words)}.`);
    try {
      await untilAnswerOf(name, ended);
      return new Daemon(name, child, words, performance.now() - launched);
    } catch (error) {
      await stop(child, name);
      throw error;
    }
  }

  /**
   * Starts a program as netns.sh and wg-quick do, to go to the background, and ends it again.
   * @returns milliseconds from its launch until its UAPI answered
   */
  static async startInBackground({ command, env }: TunnelProgram, name: string): Promise<number> {
    const launched = performance.now();
    const child = launch([...command, name], env);
    const words = new LastWords(child);
    const failed = once(child, "exit").then(([status]) =>
      status === 0
        ? new Promise<never>(() => {})
        : `It ended at its start, ${endOf(child, words)}.`,
    );
    await untilAnswerOf(name, failed);
    const time = performance.now() - launched;
    await execute("ip", ["link", "delete", "dev", name], { timeout: limit, killSignal: "SIGKILL" });
    await waitUntilFree(name, limit);
    return time;
  }

  /** How it ended, as in "exit status 1: cannot read". undefined: it runs. */
  get end(): string | undefined {
    return runs(this.process) ? undefined : endOf(this.process, this.#lastWords);
  }

  /** Stops it, and takes away what it left. */
  stop(): Promise<void> {
    return stop(this.process, this.#name);
  }
}

function launch([program = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(program, args, {
    env: { ...process.env, ...env },
    // A program of event-loop-host.ts answers over the channel.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
}

/** Resolves once UAPI answers. It is asked often: the time between two requests is the error of a sample. */
async function untilAnswerOf(name: string, failed: Promise<string>): Promise<void> {
  const answered = new AbortController();
  const timeout = AbortSignal.timeout(limit);
  const failure = failed.then((sentence) => Promise.reject(new Error(sentence)));
  try {
    await Promise.race([
      untilAnswer(name, AbortSignal.any([timeout, answered.signal]), 1),
      failure,
    ]);
  } catch (cause) {
    if (!timeout.aborted) throw cause;
    throw new Error(`Its UAPI does not answer within ${limit / 1000} s.`, { cause });
  } finally {
    answered.abort();
    failure.catch(() => undefined);
  }
}

/** How the engine's log begins a line. With its time, the same failure would differ in every round. */
const logPrefix = /^[A-Z]+: \(\S+\) [\d/]+ [\d:]+ /;

/** The last line that a program printed. */
class LastWords {
  text = "";

  constructor({ stdout, stderr }: ChildProcess) {
    for (const pipe of [stdout, stderr]) {
      if (pipe === null) continue;
      void readLines(pipe, (line) => {
        this.text = plainText(line).replace(logPrefix, "").trim() || this.text;
      });
    }
  }
}

function runs({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

function endOf({ exitCode, signalCode }: ChildProcess, { text }: LastWords): string {
  const how = signalCode ?? `exit status ${exitCode}`;
  return text === "" ? how : `${how}: ${text}`;
}

async function stop(child: ChildProcess, name: string): Promise<void> {
  if (runs(child)) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    await ended;
    clearTimeout(timer);
  }
  await waitUntilFree(name, limit);
  // A killed program leaves its socket, in the way of the next one.
  await rm(socketPath(name), { force: true });
}
