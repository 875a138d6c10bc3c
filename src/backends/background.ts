import type { Environment } from "../artifacts.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { requireTrustedDirectory, socketDirectory } from "../trust.js";
import type { BackendKind } from "./backend.js";
import { Child } from "./exec/child.js";
import { backgroundVariable, childDescriptors, type Standard } from "./exec/descriptors.js";
import { type ChildEnd, describeEnd } from "./exec/foreign.js";
import { SignalForwarding } from "./foreground-signals.js";
import { withoutManager } from "./service-manager.js";

/** How long a program may take to serve the tunnel, in milliseconds. Our executable gives up earlier. */
const startTimeout: Readonly<Record<BackendKind, number>> = { ffi: 30_000, exec: 40_000 };

/** How long a tunnel may take to answer after its program went into the background, in milliseconds. */
const answerTimeout = 10_000;

/** What is to run in the background. */
export interface BackgroundRequest {
  readonly backend: BackendKind;
  /** For exec: the executable. */
  readonly path: string;
  /** For ffi: this program's command that runs a tunnel in the foreground, without the interface's name. */
  readonly self: readonly string[];
  readonly name: string;
  readonly env: Environment;
  /** In milliseconds. */
  readonly timeout?: number;
}

/** The real name of the interface that answers, or the exit code after a signal that ended the start. */
export type BackgroundStart =
  | { readonly name: string }
  | { readonly name?: never; readonly exitCode: number };

/**
 * Starts a program that serves the tunnel when this process has ended, and resolves once the tunnel answers. On
 * rejection nothing of it is left.
 * @throws WgBridgeError why there is no tunnel; WG_BRIDGE_LIBRARY_* if another backend may do better
 */
export async function startInBackground(request: BackgroundRequest): Promise<BackgroundStart> {
  const { backend, path, name, timeout = startTimeout[backend] } = request;
  requireTrustedDirectory(socketDirectory);
  const signals = new SignalForwarding();
  let timer: NodeJS.Timeout | undefined;
  try {
    const child = await (backend === "ffi" ? startSelf(request) : startExecutable(request));
    signals.to(child);
    let isLate = false;
    timer = setTimeout(() => {
      isLate = true;
      child.kill();
    }, timeout);
    await Promise.race([child.firstStatus, child.exited]);
    if (child.status?.state === "ready") {
      child.abandon();
      return { name: child.status.name };
    }
    // The executable has ended with 0. Its own child may hold our pipes for good, so nothing more is read.
    if (backend === "exec" && child.exitCode === 0) {
      child.abandon();
      await answer(request);
      return { name };
    }
    const end = await child.ended;
    if (child.status?.state === "failed") {
      const { startError } = await import("./failure.js");
      throw startError(name, child.status.failure);
    }
    await removeDeadSocket(name);
    const exitCode = signals.exitCodeOf(end);
    if (exitCode !== undefined) return { exitCode };
    if (isLate) throw lateError(backend === "ffi" ? "The background process" : path, name, timeout);
    throw noStatusError(request, end);
  } finally {
    clearTimeout(timer);
    signals.stop();
  }
}

/** Starts this program again, in a session of its own. As wireguard-go, it keeps its output if LOG_LEVEL asks for it. */
function startSelf({
  self: [command = process.execPath, ...args],
  name,
  env,
}: BackgroundRequest): Promise<Child> {
  const output: Standard = env.LOG_LEVEL && env.LOG_LEVEL !== "silent" ? "inherit" : "ignore";
  const settings = {
    ...withoutManager(env),
    WG_PROCESS_FOREGROUND: "1",
    [backgroundVariable]: "1",
  };
  return Child.start({
    command,
    args: [...args, name],
    descriptors: childDescriptors(settings, ["ignore", output, output], false),
    detached: true,
  });
}

/** Starts `executable name`, which starts a process for the tunnel and ends once that one serves it. */
function startExecutable({ path, name, env }: BackgroundRequest): Promise<Child> {
  return Child.start({
    command: path,
    args: [name],
    descriptors: childDescriptors(withoutManager(env), ["inherit", "inherit", "inherit"], false),
  });
}

/** Resolves once the tunnel answers: upstream's program ends before it can serve. */
async function answer({ path, name, env }: BackgroundRequest): Promise<void> {
  // With these the name may stand for another.
  if (env.WG_TUN_FD || env.WG_UAPI_FD || name.includes("%")) return;
  const { exchangeOverSocket } = await import("../uapi/socket.js");
  const { getRequest } = await import("../uapi/request.js");
  const { withDeadline } = await import("../deadline.js");
  try {
    await withDeadline(`Waiting for ${name}`, answerTimeout, undefined, (signal) =>
      exchangeOverSocket(name, getRequest, signal),
    );
  } catch (error) {
    await removeDeadSocket(name);
    throw new WgBridgeError(
      "WG_BRIDGE_ENGINE",
      `${path} ended well, but there is no tunnel: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

async function removeDeadSocket(name: string): Promise<void> {
  const socket = await import("../uapi/socket.js");
  await socket.removeDeadSocket(name);
}

function lateError(program: string, name: string, milliseconds: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_TIMEOUT",
    `${program} did not go into the background within ${milliseconds / 1000} s, and was killed. Run it with -f to see why; "wg-bridge show" says whether it has left a tunnel ${name}.`,
  );
}

/** The error of a program that ended without a status. A signal that nobody sent means that ffi's library crashed. */
function noStatusError({ backend, path, name }: BackgroundRequest, end: ChildEnd): WgBridgeError {
  const how = describeEnd(end);
  if (backend === "ffi") {
    return new WgBridgeError(
      end.signal === null || end.signal === "SIGKILL"
        ? "WG_BRIDGE_ENGINE"
        : "WG_BRIDGE_LIBRARY_LOAD",
      `The background process for ${name} ${how} before its tunnel was ready. Run it with -f to see more.`,
    );
  }
  return end.signal === null
    ? new WgBridgeError("WG_BRIDGE_ENGINE", `${path} ${how}. What it printed above says why.`)
    : new WgBridgeError(
        "WG_BRIDGE_EXECUTABLE_CRASHED",
        `${path} ${how}: there is no tunnel ${name}. Run it with -f to see more.`,
      );
}
