import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { readLines } from "../../src/backends/lines.js";
import { withTimeLimit } from "../../src/deadline.js";
import { plainText } from "../sandbox/sandbox.js";

/** How long a start and an end may take, in milliseconds. */
const limit = 20_000;

/** A program that prints "ready" once it works, and then answers each line that it reads by a line. */
export class LineProgram {
  readonly pid: number;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #lines: string[] = [];
  #lastWords = "";
  #hasEnded = false;
  #wake = () => {};

  private constructor(name: string, child: ChildProcess, input: Writable, pid: number) {
    this.#name = name;
    this.#child = child;
    this.#input = input;
    this.pid = pid;
  }

  /**
   * Starts one, in a session of its own as every measured program, and waits until it is ready.
   * @param first what it reads before, if anything
   * @throws Error that says how it ended, if it did
   */
  static async start(command: readonly string[], first?: object): Promise<LineProgram> {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    const name = basename(command.find((word) => !/^(ip|netns|exec|n\d)$/.test(word)) ?? program);
    const { pid, stdin, stdout, stderr } = child;
    if (pid === undefined) {
      const [error] = await once(child, "error");
      throw error;
    }
    const started = new LineProgram(name, child, stdin, pid);
    started.#read(stdout, stderr);
    try {
      if (first !== undefined) started.#write(first);
      const line = await started.#next(limit);
      if (line !== "ready") throw new Error(`${name} printed ${JSON.stringify(line)} first.`);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** Asks for something that takes about so many seconds, and returns the answer. */
  async ask(question: object, seconds: number): Promise<unknown> {
    this.#write(question);
    return JSON.parse(await this.#next(seconds * 1000 + 2 * limit));
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), limit);
    await ended;
    clearTimeout(timer);
  }

  #write(line: object): void {
    this.#input.write(`${JSON.stringify(line)}\n`);
  }

  #read(stdout: Readable, stderr: Readable): void {
    this.#input.on("error", () => {}); // it has ended, which the missing answer tells
    const output = readLines(stdout, (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    const errors = readLines(stderr, (line) => {
      this.#lastWords = plainText(line).trim() || this.#lastWords;
    });
    void Promise.all([output, errors]).then(() => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** The next line of its output. */
  #next(milliseconds: number): Promise<string> {
    const tooLong = () => new Error(`${this.#name} did not answer in ${milliseconds / 1000} s.`);
    return withTimeLimit(milliseconds, tooLong, undefined, async (signal) => {
      for (;;) {
        const line = this.#lines.shift();
        if (line !== undefined) return line;
        if (this.#hasEnded)
          throw new Error(`${this.#name} ended: ${this.#lastWords || "no output"}`);
        await new Promise<void>((resolve, reject) => {
          this.#wake = resolve;
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      }
    });
  }
}
