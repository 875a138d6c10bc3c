import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../artifacts.js";
import type { LogLevel } from "../../backends/backend.js";
import { exitOf, outputOf } from "../../backends/exec/exit.js";
import type { BridgeLibrary } from "../../backends/ffi/library.js";
import { readLines } from "../../backends/lines.js";
import { readyName } from "../../backends/ready.js";
import { requireSpawn } from "../../tool.js";
import { lifelineVariable, stdioWithStatus } from "./descriptors.js";
import { OwnSignals } from "./own-signals.js";
import { SignalForwarding } from "./signals.js";

/** How long a process in the background may take until it is ready, in milliseconds. */
const readyTimeout = 30_000;

/** Why a process in the background has no tunnel. */
export interface BackgroundFailure {
  readonly cause: string;
  /** The library, not the tunnel, is at fault: another backend may do better. */
  readonly libraryAtFault: boolean;
}

/** wireguard-go's LOG_LEVEL: what is unknown counts as "error". */
export function logLevelOf(env: Environment): LogLevel {
  switch (env.LOG_LEVEL) {
    case "verbose":
    case "debug":
      return "verbose";
    case "silent":
      return "silent";
    default:
      return "error";
  }
}

/** Set for a process in the background: it leaves its caller's directory once it has loaded all it needs. */
const backgroundVariable = "WG_PROCESS_BACKGROUND";

/**
 * Runs the tunnel in this process until it ends, and returns the exit code, which is 128 and the signal's
 * number after one that is not asked for an orderly end.
 */
export async function runInForeground(
  library: BridgeLibrary,
  name: string,
  env: Environment,
): Promise<{ readonly exitCode: number; readonly failure: string }> {
  if (env[backgroundVariable] === "1") process.chdir("/");
  const signals = new OwnSignals();
  const exitCode = await library.run(name, logLevelOf(env));
  signals.stop();
  if (exitCode === 0 && signals.fatal !== undefined) {
    return { exitCode: 128 + constants.signals[signals.fatal], failure: "" };
  }
  return { exitCode, failure: exitCode === 0 ? "" : library.lastError(0) };
}

/**
 * Starts a process of its own session that runs the tunnel in the foreground, and resolves once
 * that one says that UAPI answers, or why not; then nothing of it is left. It keeps standard output
 * and error only if LOG_LEVEL is set and not silent, as wireguard-go does.
 */
export async function startInBackground(
  name: string,
  env: Environment,
): Promise<BackgroundFailure | undefined> {
  const output = env.LOG_LEVEL && logLevelOf(env) !== "silent" ? "inherit" : "ignore";
  const { stdio, env: childEnv, statusFd } = stdioWithStatus(env, ["ignore", output, output]);
  const main = fileURLToPath(new URL("../main.js", import.meta.url));
  const args = [...process.execArgv, main, "run", "-f", "--backend=ffi", "--", name];
  const signals = new SignalForwarding();
  requireSpawn(process.execPath, 1);
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio,
    // In the background it outlives whoever asked for it, and has not got that one's descriptor.
    env: {
      ...childEnv,
      WG_PROCESS_FOREGROUND: "1",
      [backgroundVariable]: "1",
      [lifelineVariable]: "",
    },
  });
  signals.to(child);
  const exited = exitOf(child);
  await once(child, "spawn"); // Throws what "error" says.
  const pipe = outputOf(child, statusFd);
  const status = new Promise<string>((resolve) => {
    void readLines(pipe, resolve);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), readyTimeout);
  const first = await Promise.race([status, exited]);
  clearTimeout(timer);
  if (typeof first === "string" && readyName(first) !== undefined) {
    signals.stop();
    pipe.destroy();
    child.unref();
    return undefined;
  }
  const { code, signal } = await exited;
  signals.stop();
  if (typeof first === "string") return parseCause(first);
  const { removeDeadSocket } = await import("../../uapi/socket.js");
  await removeDeadSocket(name);
  const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
  return {
    cause: `The background process for ${name} ${how} before its tunnel was ready. Run it with -f to see more.`,
    libraryAtFault: signal !== null && signal !== signals.last && signal !== "SIGKILL",
  };
}

function parseCause(line: string): BackgroundFailure {
  const [, code, text] = /^(WG_BRIDGE_[A-Z_]+): (.*)$/.exec(line) ?? [];
  return { cause: text ?? line, libraryAtFault: code?.startsWith("WG_BRIDGE_LIBRARY_") ?? false };
}
