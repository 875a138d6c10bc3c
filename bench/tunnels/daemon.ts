import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { readLines } from "../../src/backends/lines.js";
import { socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import { plainText } from "../sandbox/lines.js";
import type { TunnelProgram } from "./programs.js";

/** How long a start or an end may take, in milliseconds. */
const limit = 20_000;

/** A program that runs a tunnel in the foreground, until it is told to stop. */
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
   * Starts one for the interface `name`. It stays in the session of this process, so that the scheduler
   * treats every program alike.
   * @throws Error that tells how it ended, where it did, and its last line of output
   */
  static async start({ command, env }: TunnelProgram, name: string): Promise<Daemon> {
    const [program = "", ...args] = command;
    const launched = performance.now();
    const child = spawn(program, [...args, "-f", name], {
      // WG_SUDO lets boringtun and gotatun keep the rights without which they lose their interface.
      env: {
        ...process.env,
        LOG_LEVEL: "error",
        WG_PROCESS_FOREGROUND: "1",
        WG_SUDO: "true",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const words = new LastWords(child);
    const answered = new AbortController();
    const ended = once(child, "close", { signal: answered.signal }).then(() => {
      throw new Error(`It ended at its start, ${endOf(child, words)}.`);
    });
    const timeout = AbortSignal.timeout(limit);
    const deadline = AbortSignal.any([timeout, answered.signal]);
    try {
      await Promise.race([untilAnswer(name, deadline, 1), ended]);
      return new Daemon(name, child, words, performance.now() - launched);
    } catch (error) {
      await stop(child, name);
      if (!timeout.aborted) throw error;
      throw new Error(`Its UAPI does not answer within ${limit / 1000} s.`, { cause: error });
    } finally {
      answered.abort();
    }
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

/** How the engine's log begins a line. Its time would make one failure of each round's. */
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
