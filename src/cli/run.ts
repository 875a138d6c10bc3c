import type { Environment } from "../artifacts.js";
import { parseDisabled } from "../backends/features.js";
import { remedyFor } from "../backends/start-failure.js";
import { WgBridgeError } from "../errors.js";
import {
  type BackendRequest,
  type Choice,
  choose,
  parseBackendRequest,
} from "../strategy/choose.js";
import { probe } from "../strategy/probe.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type { RunCommand } from "./arguments.js";
import { reportFailure } from "./run/report.js";
import { say } from "./say.js";

/**
 * Runs a tunnel as wireguard-go would, and returns the exit code: 0 once a tunnel in the background
 * answers, or has ended well in the foreground, and 1 after one sentence that says why not.
 */
export async function run(command: RunCommand, env: Environment): Promise<number> {
  try {
    const name = checkInterfaceName(command.name);
    const request = parseBackendRequest(command.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
    parseDisabled(env.WG_BRIDGE_DISABLE ?? ""); // The engine reads it again, from its own environment.
    const foreground = command.foreground || env.WG_PROCESS_FOREGROUND === "1";
    return await (foreground ? runInForeground : runInBackground)(name, request, env);
  } catch (error) {
    reportFailure(env, error);
    return 1;
  }
}

async function runInForeground(
  name: string,
  request: BackendRequest,
  env: Environment,
): Promise<number> {
  const { selectBackend } = await import("../strategy/select.js");
  const selection = await selectBackend(request, env);
  announce(selection.choice);
  if (selection.backend === "exec") {
    const { runInForeground } = await import("./run/exec.js");
    return runInForeground(selection.executable, name, env);
  }
  const { runInForeground } = await import("./run/ffi.js");
  const { exitCode, failure } = await runInForeground(selection.library, name, env);
  // Whoever reads the status descriptor has been told there.
  if (failure !== "" && !env.WG_PROCESS_STATUS_FD) say(withRemedy(failure));
  return exitCode;
}

async function runInBackground(
  name: string,
  request: BackendRequest,
  env: Environment,
): Promise<number> {
  const found = probe(env);
  let choice = choose(request, found);
  if (choice.backend === "ffi") {
    const { startInBackground } = await import("./run/ffi.js");
    const failure = await startInBackground(name, env);
    if (failure === undefined) return 0;
    if (request !== "auto" || !failure.libraryAtFault) {
      say(withRemedy(failure.cause));
      return 1;
    }
    const problem = new WgBridgeError("WG_BRIDGE_LIBRARY_LOAD", failure.cause);
    choice = choose(request, { ...found, library: { ...found.library, problem } });
  }
  announce(choice);
  const { runInBackground } = await import("./run/exec.js");
  return runInBackground(choice.path, name, env);
}

function withRemedy(cause: string): string {
  const remedy = remedyFor(cause);
  return remedy === undefined ? cause : `${cause}. ${remedy}`;
}

function announce(choice: Choice): void {
  if (choice.fallback) say(choice.reason);
}
