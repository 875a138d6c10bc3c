import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { packageRoot } from "../../src/artifacts.js";
import { cannotRun } from "../checks/check.js";
import { missingTool } from "../containers/missing-tool.js";
import { isLong } from "./transfer.js";

/** How long a client may take, in milliseconds: a bound for a busy machine. */
const limit = isLong ? 900_000 : 240_000;

/** Starts a command as a user without privileges; empty if this machine cannot. That user may not enter root's home. */
export const asOrdinaryUser: readonly string[] = (() => {
  const script = `${packageRoot}/scripts/unprivileged`;
  return spawnSync(script, ["true"]).status === cannotRun ? [] : [script];
})();

/** The wg-bridge of a command that asOrdinaryUser begins, in its directory. */
export const bridge = "dist/src/cli/main.js";

/** A program that runs until it is disposed of, and says on standard output or standard error what it does. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #said = "";

  constructor(words: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const [program = "", ...args] = words;
    this.child = spawn(program, args, { cwd: packageRoot, env });
    this.#ended = once(this.child, "close");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", (piece: string) => {
        this.#said += piece;
      });
    }
  }

  /** Resolves with the first group of a pattern, once that has been said. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found !== null) return found[1] ?? "";
      const { exitCode, signalCode } = this.child;
      const over = exitCode !== null || signalCode !== null;
      assert.ok(!over, `It has ended (${exitCode}, ${signalCode}) and said: ${this.#said}`);
      await Promise.race([
        once(this.child.stdout, "data"),
        once(this.child.stderr, "data"),
        this.#ended,
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

/** How a client ended. */
export interface ClientResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of all that it printed. */
  readonly hash: string;
}

export interface ClientOptions {
  readonly input?: NodeJS.ReadableStream | string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a client to its end. Only the beginning of what it prints is kept as text. */
export async function runClient(
  words: readonly string[],
  { input = "", env = {} }: ClientOptions = {},
): Promise<ClientResult> {
  const [program = "", ...args] = words;
  const child = spawn(program, args, {
    env: { ...withoutProxies(process.env), ...env },
    timeout: limit,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "close");
  const hash = createHash("sha256");
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (piece: Buffer) => {
    hash.update(piece);
    if (stdout.length < 1 << 20) stdout += piece;
  });
  child.stderr.on("data", (piece: Buffer) => {
    stderr += piece;
  });
  child.stdin.on("error", () => {}); // it may end before it has read everything
  if (typeof input === "string") child.stdin.end(input);
  else input.pipe(child.stdin);
  const [code, signal]: unknown[] = await ended;
  assert.ok(typeof code === "number", `${program} was ended by ${signal}: ${stderr}`);
  return { code, stdout, stderr, hash: hash.digest("hex") };
}

/** Runs a client that must succeed, and resolves with what it prints. */
export async function output(words: readonly string[], options?: ClientOptions): Promise<string> {
  const { code, stdout, stderr } = await runClient(words, options);
  assert.equal(code, 0, `${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

function withoutProxies(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isOther = ([name]: readonly [string, unknown]) => !/_proxy$/i.test(name);
  return Object.fromEntries(Object.entries(environment).filter(isOther));
}

/**
 * Declares a suite for each backend. It is skipped if one of these programs is not installed.
 * @param more the end of the title of a suite that cannot run for another reason
 */
export function describeClient(
  title: string,
  programs: readonly string[],
  tests: (backend: "exec" | "ffi") => void,
  more = "",
): void {
  const mark = [...programs.map(missingTool), more].find((found) => found !== "") ?? "";
  for (const backend of ["exec", "ffi"] as const) {
    describe(`${title} on ${backend}${mark}`, function () {
      this.timeout(isLong ? 2 * limit : 300_000);
      before(function () {
        if (mark !== "") this.skip();
      });
      tests(backend);
    });
  }
}
