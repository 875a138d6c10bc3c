import { type ChildProcess, spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "../artifacts.js";
import { isExecutableFile } from "../artifacts.js";
import { findPackageManager, installCommands, readPackages } from "../doctor/packages.js";
import { findProgram } from "../doctor/tools.js";
import { WgBridgeError } from "../errors.js";
import { parseBackendRequest } from "../strategy/choose.js";
import { printable } from "../text/printable.js";
import { shellWord } from "../text/quote.js";
import { argumentError, meaningOf, readArguments } from "./arguments.js";

/** `wg-bridge up`: wg-quick(8) itself, with this program for its tunnels. */
export async function upCommand(args: readonly string[], env: Environment): Promise<number> {
  const { values, positionals } = readArguments("up", args);
  return runWgQuick("up", positionals, env, values.backend);
}

/** `wg-bridge down`. */
export const downCommand = wgQuickCommand("down");

/** `wg-bridge save`. */
export const saveCommand = wgQuickCommand("save");

/** `wg-bridge strip`. */
export const stripCommand = wgQuickCommand("strip");

function wgQuickCommand(
  name: "down" | "save" | "strip",
): (args: readonly string[], env: Environment) => Promise<number> {
  return async (args, env) => runWgQuick(name, readArguments(name, args).positionals, env);
}

async function runWgQuick(
  name: "up" | "down" | "save" | "strip",
  [what, ...rest]: readonly string[],
  env: Environment,
  backend?: string,
): Promise<number> {
  if (what === undefined || rest.length > 0) {
    throw argumentError(name, "Give one file or interface");
  }
  // wg-quick prints its arguments as they are.
  if (printable(what) !== what) {
    throw argumentError(name, `There are control characters in ${what}`);
  }
  const wgQuick = findProgram("wg-quick", env);
  if (wgQuick === undefined) throw await missingError("wg-quick", env);
  const settings = {
    ...env,
    ...implementation(wgQuick, what, env),
    ...(backend === undefined ? {} : { WG_BRIDGE_BACKEND: parseBackendRequest(backend) }),
  };
  return runAttached(asRoot([wgQuick, name, what], settings), settings);
}

/** This program's own file, which "env node" interprets. */
const main = fileURLToPath(new URL("./main.js", import.meta.url));

/** The variable from which bash imports the function wg_bridge. */
const functionVariable = "BASH_FUNC_wg_bridge%%";

/**
 * Returns the variables that make wg-quick(8) start its tunnels with this program and this very Node.js.
 * wg-quick runs one word, without arguments, and searches its own directory before PATH. If it would find
 * another node there, or if the interface is named like a command and needs "run" before it, the word names a
 * function of bash.
 */
function implementation(
  wgQuick: string,
  what: string,
  env: Environment,
): Readonly<Record<string, string>> {
  const own = dirname(process.execPath);
  const PATH = env.PATH ? `${own}:${env.PATH}` : own;
  const node = findProgram("node", { PATH: `${dirname(realpathSync(wgQuick))}:${PATH}` });
  const isOurs = node !== undefined && realpathSync(node) === realpathSync(process.execPath);
  const isCommand = meaningOf(basename(what, ".conf")) !== undefined;
  if (isOurs && !isCommand && isExecutableFile(main))
    return { PATH, WG_QUICK_USERSPACE_IMPLEMENTATION: main };
  const body = `() { ${shellWord(process.execPath)} ${shellWord(main)} run -- "$@"\n}`;
  return { PATH, WG_QUICK_USERSPACE_IMPLEMENTATION: "wg_bridge", [functionVariable]: body };
}

/** The variables that sudo would drop and a tunnel needs. */
const keptVariables = [
  "PATH",
  "WG_QUICK_USERSPACE_IMPLEMENTATION",
  functionVariable,
  "WG_BRIDGE_BACKEND",
  "WG_BRIDGE_DISABLE",
  "WIREGUARD_GO_BRIDGE_LIB_PATH",
  "WIREGUARD_GO_EXECUTABLE",
  "LOG_LEVEL",
];

/**
 * Returns the command that runs another one as root: for root, that command itself. wg-quick would call sudo
 * by itself, and lose the environment, so sudo is called here with the variables that are needed.
 * @throws WgBridgeError WG_BRIDGE_PERMISSION if there is no sudo
 */
export function asRoot(
  command: readonly string[],
  env: Environment,
  isRoot = process.geteuid?.() === 0,
): readonly string[] {
  if (isRoot) return command;
  const sudo = findProgram("sudo", env);
  if (sudo === undefined) {
    throw new WgBridgeError(
      "WG_BRIDGE_PERMISSION",
      "Only root may make an interface with addresses and routes, and there is no sudo to become root: run wg-bridge as root.",
    );
  }
  const settings = keptVariables.flatMap((name) => (env[name] ? [`${name}=${env[name]}`] : []));
  return [sudo, "--", "env", ...settings, ...command];
}

const forwardedSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command to its end on this process's standard streams. Returns its exit code, or 128 plus the number
 * of the signal that ended it. Signals are forwarded, so that wg-quick can undo what it began; a terminal
 * sends Ctrl-C to it directly.
 */
export async function runAttached(
  [program = "", ...words]: readonly string[],
  env: Environment,
): Promise<number> {
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child?.kill(signal);
  };
  // Before the child is there: a signal between would end us alone. It arrives in a later turn of the event loop.
  for (const signal of forwardedSignals) process.on(signal, forward);
  try {
    child = spawn(program, words, { env, stdio: "inherit" });
    return await exitCodeOf(child);
  } finally {
    for (const signal of forwardedSignals) process.removeListener(signal, forward);
  }
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    // After the start, an error is a signal that may not be sent to sudo.
    child.on("error", reject);
    child.on("spawn", () => child.on("error", () => {}).removeListener("error", reject));
    child.on("close", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/** Describes a missing tool, with the command that installs it on this machine. */
async function missingError(tool: string, env: Environment): Promise<WgBridgeError> {
  const row = (await readPackages()).find((row) => row.tool === tool);
  const commands = row === undefined ? [] : installCommands(row.packages, findPackageManager(env));
  return new WgBridgeError(
    "WG_BRIDGE_TOOL_MISSING",
    `${tool} is not installed. Install it as root: ${commands.join(", or ")}.`,
  );
}
