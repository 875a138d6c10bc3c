import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { bridge } from "../programs.js";

const run = promisify(execFile);

/** Runs curl, and resolves with what it prints. */
export async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("curl", ["-sS", "--max-time", "60", ...args]);
  return stdout;
}

/** Options with which curl prints the status of a response alone. */
export const statusOnly: readonly string[] = ["-o", "/dev/null", "-w", "%{http_code}"];

/** A running `wg-bridge proxy`. */
export class Command implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #said = "";
  #heard = 0;

  /** @param under a program that runs it, such as strace */
  constructor(args: readonly string[], under: readonly string[] = [], env = process.env) {
    const [program = "", ...words] = [...under, bridge, "proxy", ...args];
    this.child = spawn(program, words, { env });
    this.#ended = once(this.child, "close");
    this.child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      this.#said += piece;
    });
  }

  /** Resolves with the groups of a pattern once standard error has a line that it has not matched before. */
  async says(pattern: RegExp): Promise<readonly string[]> {
    for (;;) {
      const found = pattern.exec(this.#said.slice(this.#heard));
      if (found !== null) {
        this.#heard += found.index + found[0].length;
        return found.slice(1);
      }
      const { exitCode, signalCode } = this.child;
      const over = exitCode !== null || signalCode !== null;
      assert.ok(!over, `It has ended (${exitCode}, ${signalCode}) and said: ${this.#said}`);
      await Promise.race([once(this.child.stderr, "data"), this.#ended]);
    }
  }

  /** Resolves with the exit code, and all that was said. */
  async ended(): Promise<{ readonly code: unknown; readonly said: string }> {
    const [code] = await this.#ended;
    return { code, said: this.#said };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Returns the children of a process. */
export function childrenOf(pid: number | undefined): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

export async function echoes(socket: Socket): Promise<void> {
  const back = once(socket, "data");
  socket.write("hello");
  const [data]: unknown[] = await back;
  assert.equal(String(data), "hello");
}
