import { constants } from "node:os";
import type { Environment } from "../../artifacts.js";
import type { ForegroundEnd, LogLevel } from "../backend.js";
import { unloggedEnd } from "../end.js";
import { backgroundVariable, callerStatusFd } from "../exec/descriptors.js";
import type { TunnelLibrary } from "../ffi.js";
import { GoSignals } from "../foreground-signals.js";

/** Reads wireguard-go's LOG_LEVEL, for which anything unknown means "error". */
function logLevelOf({ LOG_LEVEL: level }: Environment): LogLevel {
  if (level === "verbose" || level === "debug") return "verbose";
  return level === "silent" ? "silent" : "error";
}

/** Runs the tunnel in this process until it ends. */
export async function runInForeground(
  library: TunnelLibrary,
  name: string,
  env: Environment,
): Promise<ForegroundEnd> {
  if (env[backgroundVariable] === "1") process.chdir("/");
  const isReported = callerStatusFd(env) !== undefined; // Go writes on it, and closes it
  const signals = new GoSignals();
  const exitCode = await library.run(name, logLevelOf(env));
  signals.stop();
  if (exitCode === 0) {
    return { exitCode: signals.fatal === undefined ? 0 : 128 + constants.signals[signals.fatal] };
  }
  if (isReported) return { exitCode };
  const failure = library.lastFailure(0);
  if (failure.code === "WG_BRIDGE_LOST") {
    return { exitCode, error: unloggedEnd(name, failure.fact, env) };
  }
  const { startError } = await import("../failure.js");
  return { exitCode, error: startError(name, failure) };
}
