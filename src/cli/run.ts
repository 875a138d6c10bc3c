import { fileURLToPath } from "node:url";
import type { Environment } from "../artifacts.js";
import { callerStatusFd, statusVariable, writeStatus } from "../backends/exec/descriptors.js";
import { parseDisabled } from "../backends/features.js";
import { formatStatus } from "../backends/status.js";
import { shortageError } from "../descriptors.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { requireTunnelHost } from "../host.js";
import { type BackendRequest, parseBackendRequest } from "../strategy/choose.js";
import { openBackend, withFallback } from "../strategy/open.js";
import { quote } from "../text/quote.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type { RunCommand } from "./arguments.js";
import { ignoreLostErrors, say } from "./say.js";

/**
 * Runs a tunnel as wireguard-go does, and returns the exit code: 0 once a tunnel in the background answers, or has
 * ended well in the foreground, and otherwise another one after one sentence that says why.
 */
export async function run(command: RunCommand, env: Environment): Promise<number> {
  ignoreLostErrors();
  try {
    requireTunnelHost();
    const name = checkInterfaceName(command.name);
    const request = parseBackendRequest(command.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
    requireStatus(env);
    parseDisabled(env.WG_BRIDGE_DISABLE ?? ""); // the engine reads it again, from its own environment
    const foreground = command.foreground || env.WG_PROCESS_FOREGROUND === "1";
    return await (foreground ? runInForeground : runInBackground)(name, request, env);
  } catch (error) {
    reportFailure(env, shortageError("Starting the tunnel", error) ?? error);
    return 1;
  }
}

async function runInForeground(
  name: string,
  request: BackendRequest,
  env: Environment,
): Promise<number> {
  const { backend, reason, fallback } = await openBackend(request, env);
  if (fallback) say(reason);
  const { exitCode, error } = await backend.run(name, env);
  if (error !== undefined) say(error.message);
  return exitCode;
}

async function runInBackground(
  name: string,
  request: BackendRequest,
  env: Environment,
): Promise<number> {
  const { startInBackground } = await import("../backends/background.js");
  const main = fileURLToPath(new URL("main.js", import.meta.url));
  const started = await withFallback(request, env, ({ backend, path, reason, fallback }) => {
    if (fallback) say(reason);
    const self = [process.execPath, ...process.execArgv, main, "run", "-f", "--backend=ffi", "--"];
    return startInBackground({ backend, path, self, name, env });
  });
  if (started.name === undefined) return started.exitCode;
  writeStatus(env, formatStatus({ state: "ready", name: started.name }));
  return 0;
}

/** Checks that a status descriptor is open, if the caller names one. */
function requireStatus(env: Environment): void {
  const named = env[statusVariable];
  if (!named || callerStatusFd(env) !== undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${statusVariable}=${quote(named)} is not an open file descriptor. Give another value, or leave it out.`,
  );
}

/** Reports why there is no tunnel: on the caller's status descriptor, or else on standard error. */
function reportFailure(env: Environment, error: unknown): void {
  const code = error instanceof WgBridgeError ? error.code : "WG_BRIDGE_ENGINE";
  const fact = messageOf(error);
  const line = formatStatus({ state: "failed", failure: { code, fact } });
  if (!writeStatus(env, line)) say(fact);
}
