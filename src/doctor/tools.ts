import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import type { Environment } from "../artifacts.js";
import { isExecutableFile } from "../artifacts.js";
import { messageOf } from "../errors.js";
import type { ToolPackage } from "./packages.js";

/** A tool, where it is, and which package provides it. */
export interface ToolFacts extends ToolPackage {
  /** Undefined if it is missing or BusyBox provides it, with too few features. */
  readonly path: string | undefined;
  readonly version: string | undefined;
  /** Why it cannot be run: the kernel does not start it, or a signal ends it. */
  readonly problem?: string | undefined;
}

/** What came of running a command. */
export type Attempt =
  | { readonly ok: true; readonly output: string }
  | {
      readonly ok: false;
      /** The last line that it printed, or why it did not start. */
      readonly message: string;
      /** It did not come to an exit code. */
      readonly crashed?: true;
    };

/** How long one command may take, in milliseconds. They all take a few. */
const limit = 10_000;

/** Often missing from ordinary users' PATH. iptables is there. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** What prints a tool's version, if not --version, or at least changes nothing. */
const versionArguments: Readonly<Record<string, readonly string[]>> = {
  ip: ["-V"],
  ss: ["-V"],
  ping: ["-V"],
  ping6: ["-V"],
  "wg-quick": ["--help"],
};

/** Finds a program on PATH or in the system's own directories. */
export function findProgram(name: string, env: Environment): string | undefined {
  return searchPath(env)
    .map((directory) => `${directory}/${name}`)
    .find(isExecutableFile);
}

/** Finds a tool and its version. */
export async function collectTool(row: ToolPackage, env: Environment): Promise<ToolFacts> {
  const path = findProgram(row.tool, env);
  if (path === undefined || realpathSync(path).endsWith("/busybox")) {
    return { ...row, path: undefined, version: undefined };
  }
  const tried = await attempt([path, ...(versionArguments[row.tool] ?? ["--version"])], env);
  const problem = !tried.ok && tried.crashed ? tried.message : undefined;
  return { ...row, path, version: tried.ok ? findVersion(tried.output) : undefined, problem };
}

/** Runs a command to its end, or kills it after the given milliseconds. */
export function attempt(
  [program = "", ...args]: readonly string[],
  env: Environment,
  milliseconds = limit,
): Promise<Attempt> {
  const options = {
    env: { ...env, PATH: searchPath(env).join(":"), LC_ALL: "C" },
    timeout: milliseconds,
    killSignal: "SIGKILL", // a program that hangs may ignore SIGTERM
  } as const;
  return new Promise<Attempt>((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const output = (stdout + stderr).trim();
      const late = error?.killed ? `no answer within ${milliseconds / 1000} s` : "";
      const killed = error?.signal ? `killed by ${error.signal}` : "";
      const message = late || killed || output.split("\n").at(-1) || error?.message || "";
      if (error === null) resolve({ ok: true, output });
      else if (typeof error.code === "number") resolve({ ok: false, message });
      else resolve({ ok: false, message, crashed: true });
    });
    // Some errors of the start are thrown: EPERM, if a capability that a file asks for is out of bounds.
  }).catch((error: unknown) => ({ ok: false, message: messageOf(error), crashed: true }));
}

/** Returns the first version number that a command prints; undefined if it fails or prints none. */
export async function versionOf(
  command: readonly string[],
  env: Environment,
): Promise<string | undefined> {
  const tried = await attempt(command, env);
  return tried.ok ? findVersion(tried.output) : undefined;
}

/** Returns the first thing in a text that looks like a version: 1.0.20210914, 6.1.0, or iputils' 20221126. */
export function findVersion(text: string): string | undefined {
  return /\d[\d.]+\d(-[\w.-]+)?/.exec(text)?.[0];
}

/** Returns the instructions by which an engine of wg-bridge encrypts, from what its --version prints. */
export function findCipher(text: string): string | undefined {
  return /^ChaCha20-Poly1305: (\S+)$/m.exec(text)?.[1];
}

function searchPath(env: Environment): string[] {
  const named = (env.PATH ?? "").split(":").filter((directory) => directory !== "");
  return [...named, ...systemDirectories];
}
