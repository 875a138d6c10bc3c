import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "../../deadline.js";
import { hasCode, WgBridgeError } from "../../errors.js";
import { getRequest } from "../../uapi/request.js";
import {
  exchangeOverSocket,
  removeDeadSocket,
  removeSocketNow,
  socketInode,
  waitUntilFree,
} from "../../uapi/socket.js";
import type { RunningTunnel, StartOptions, TunnelEnd } from "../backend.js";
import { closedError, endedError, parseTunnelEnd } from "../end.js";
import { startError } from "../failure.js";
import { withoutManager } from "../service-manager.js";
import { Child } from "./child.js";
import { childDescriptors } from "./descriptors.js";
import { type ChildEnd, describeEnd, failureOf } from "./foreign.js";
import { setMtu } from "./mtu.js";

/** How long an executable may take until UAPI answers and the MTU is set, in milliseconds. */
export const startTimeout = 10_000;

/** How long a program that still serves the name may take to end, in milliseconds. */
const predecessorGrace = 2_000;

/** How often a program that does not say when it is ready is asked, in milliseconds. */
const pollInterval = 20;

/** Starts a tunnel in a child process. A crash of the engine is an end like any other. */
export async function startTunnel(
  executable: string,
  options: StartOptions,
): Promise<RunningTunnel> {
  const { name, signal, onLog, detached = false } = options;
  const isServed = !(await waitUntilFree(name, predecessorGrace));
  const socketBefore = socketInode(name);
  const child = await Child.start({
    command: executable,
    args: ["-f", name],
    descriptors: childDescriptors(
      environment(options),
      detached ? ["ignore", "ignore", "ignore"] : ["ignore", "pipe", "pipe"],
      !detached,
    ),
    detached,
    ...(onLog && { onLine: onLog }),
  });
  let realName = name;
  options.onStarting?.(() => {
    child.kill();
    // What was there before is not the child's.
    if (socketInode(realName) !== socketBefore) removeSocketNow(realName);
  });
  try {
    await withDeadline(`Starting ${name}`, startTimeout, signal, async (either) => {
      // A name that the kernel has yet to choose cannot be asked, and another program answers on a served one.
      realName = await untilReady(child, name, !isServed && !name.includes("%"), either);
      if (options.mtu !== undefined) await setMtu(realName, options.mtu, either);
    });
    signal?.throwIfAborted();
    child.release();
    return new ExecTunnel(child, realName);
  } catch (error) {
    await child.terminate();
    await removeDeadSocket(realName);
    throw realName.includes("%") && hasCode(error, "WG_BRIDGE_TIMEOUT")
      ? unnamedError(executable, error)
      : error;
  }
}

/** The environment of an executable, with the options that it reads there. */
export function environment({
  logLevel = "error",
  disable = [],
}: Pick<StartOptions, "logLevel" | "disable">): NodeJS.ProcessEnv {
  const { WG_TUN_FD: _tun, WG_UAPI_FD: _uapi, ...env } = withoutManager(process.env);
  return {
    ...env,
    LOG_LEVEL: logLevel,
    WG_BRIDGE_DISABLE: disable.join(","),
    WG_PROCESS_FOREGROUND: "1",
  };
}

/** Resolves with what the child says is ready, or with its name when it answers; rejects if it has ended. */
export async function untilReady(
  child: Child,
  name: string,
  mayAsk: boolean,
  signal: AbortSignal,
): Promise<string> {
  const stopPolling = new AbortController();
  const never = new Promise<never>(() => {});
  try {
    return await Promise.race([
      child.firstStatus.then(() =>
        // Any other first line is the cause of the end that follows.
        child.status?.state === "ready" ? child.status.name : never,
      ),
      mayAsk
        ? untilAnswer(name, AbortSignal.any([signal, stopPolling.signal])).then(() => name)
        : never,
      child.ended.then((end) => {
        const { status } = child;
        throw startError(name, status?.state === "failed" ? status.failure : failureOf(end));
      }),
    ]);
  } finally {
    stopPolling.abort();
  }
}

/**
 * Asks on the interface's socket every `interval` milliseconds, and resolves once something answers. Rejects with the
 * signal's reason when that fires.
 * @throws WgBridgeError WG_BRIDGE_PERMISSION if the socket may not be opened
 */
export async function untilAnswer(
  name: string,
  signal: AbortSignal,
  interval = pollInterval,
): Promise<void> {
  for (;;) {
    try {
      await exchangeOverSocket(name, getRequest, signal);
      return;
    } catch (error) {
      // Until it answers, nothing serves the socket, or it hangs up.
      if (!hasCode(error, "WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST")) throw error;
    }
    await delay(interval, undefined, { signal });
  }
}

/** Where a tunnel in a child is configured, and what it leaves on the file system if it is killed. */
export interface Place {
  exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer>;
  remove(): Promise<void>;
  /** The same, for an owner that is about to end and cannot wait. */
  removeNow(): void;
}

/** The place of an interface: its UAPI socket. */
function socketOf(name: string): Place {
  return {
    exchange: (request, signal) => exchangeOverSocket(name, request, signal),
    remove: () => removeDeadSocket(name),
    removeNow: () => removeSocketNow(name),
  };
}

/** One tunnel. It owns its child. */
export class ExecTunnel implements RunningTunnel {
  readonly backend = "exec";
  readonly name: string;
  readonly ended: Promise<TunnelEnd>;
  readonly #child: Child;
  readonly #place: Place;
  #closed: Promise<void> | undefined;
  #end: TunnelEnd | undefined;

  constructor(child: Child, name: string, place = socketOf(name)) {
    this.#child = child;
    this.name = name;
    this.#place = place;
    this.ended = this.#waitForEnd();
  }

  async #waitForEnd(): Promise<TunnelEnd> {
    const end = await this.#child.ended;
    this.#end = parseTunnelEnd(this.name, this.#endLine(end));
    await this.#place.remove(); // a killed child leaves it
    return this.#end;
  }

  #endLine(end: ChildEnd): string {
    if (this.#closed !== undefined) return "closed";
    const { status, lastStatus } = this.#child;
    if (status?.state === "ended" && lastStatus !== undefined) return lastStatus;
    if (end.code === 0) return "its program ended by itself, or somebody ended it";
    return `its program ${describeEnd(end)}`;
  }

  async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    if (this.#end !== undefined) throw endedError(this.#end);
    if (this.#closed !== undefined) throw closedError(this.name);
    try {
      return await this.#place.exchange(request, signal);
    } catch (error) {
      if (!hasCode(error, "WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST")) throw error;
      // The engine hangs up before its process has ended.
      if (this.#closed !== undefined) throw closedError(this.name);
      if (this.#child.running) throw error;
      throw endedError(await this.ended);
    }
  }

  abandon(): void {
    if (this.#end !== undefined || this.#child.detached) return;
    this.#child.kill();
    this.#place.removeNow();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#child.terminate();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function unnamedError(executable: string, cause: unknown): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_UNSUPPORTED",
    `${executable} does not say which name the kernel chose. Give a whole name, or use wg-bridge's own executable.`,
    { cause },
  );
}
