import { withDeadline } from "../deadline.js";
import { hasCode, WgBridgeError } from "../errors.js";
import {
  exchangeOverSocket,
  removeDeadSocket,
  removeSocketNow,
  socketInode,
  waitUntilFree,
} from "../uapi/socket.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type { Backend, RunningTunnel, StartOptions, TunnelEnd } from "./backend.js";
import { untilAnswer } from "./exec/answer.js";
import { Child } from "./exec/child.js";
import { type ChildEnd, cause, classify } from "./exec/classify.js";
import { setMtu } from "./exec/mtu.js";
import { readyName } from "./ready.js";
import { startFailure } from "./start-failure.js";
import { endedError, parseTunnelEnd } from "./tunnel-end.js";

/** How long an executable may take until UAPI answers and the MTU is set, in milliseconds. */
const startTimeout = 10_000;

/** How long a program that still serves the name may take to end, in milliseconds. */
const predecessorGrace = 2_000;

/** Runs tunnels in a child process each. A crash of the engine is an end like any other. */
export class ExecBackend implements Backend {
  readonly kind = "exec";
  readonly #executable: string;

  /** The executable is the path of any wireguard-go program that takes `-f INTERFACE`. */
  constructor(executable: string) {
    this.#executable = executable;
  }

  async start(options: StartOptions): Promise<RunningTunnel> {
    const { name, signal } = options;
    checkInterfaceName(name);
    signal?.throwIfAborted();
    if (!(await waitUntilFree(name, predecessorGrace))) {
      throw startFailure("WG_BRIDGE_SOCKET_IN_USE", name, "");
    }
    const socketBefore = socketInode(name);
    const child = await Child.start({
      executable: this.#executable,
      name,
      env: environment(options),
      onLog: options.onLog ?? (() => {}),
      detached: options.detached ?? false,
    });
    let realName = name;
    options.onStarting?.(() => {
      child.kill();
      // What was there before is not the child's.
      if (socketInode(realName) !== socketBefore) removeSocketNow(realName);
    });
    try {
      await withDeadline(`Starting ${name}`, startTimeout, signal, async (either) => {
        realName = await untilReady(child, name, either);
        if (options.mtu !== undefined) await setMtu(realName, options.mtu, either);
      });
      signal?.throwIfAborted();
      child.release();
      return new ExecTunnel(child, realName);
    } catch (error) {
      await child.terminate();
      // One that may not be removed does no harm, and is no reason to hide why there is no tunnel.
      await removeDeadSocket(realName).catch(() => {});
      throw realName.includes("%") && hasCode(error, "WG_BRIDGE_TIMEOUT")
        ? unnamedError(this.#executable, error)
        : error;
    }
  }
}

function environment({ logLevel = "error", disable = [] }: StartOptions): NodeJS.ProcessEnv {
  const { WG_TUN_FD: _tun, WG_UAPI_FD: _uapi, ...env } = process.env;
  return { ...env, LOG_LEVEL: logLevel, WG_BRIDGE_DISABLE: disable.join(",") };
}

/**
 * Resolves with the interface's name when the child says that it is ready, or answers; rejects when
 * it has ended.
 */
async function untilReady(child: Child, name: string, signal: AbortSignal): Promise<string> {
  const stopPolling = new AbortController();
  try {
    return await Promise.race([
      saysReady(child),
      answers(name, AbortSignal.any([signal, stopPolling.signal])),
      child.exited.then((end) => {
        throw startFailure(classify(end), name, cause(end));
      }),
    ]);
  } finally {
    stopPolling.abort();
  }
}

async function saysReady(child: Child): Promise<string> {
  const name = readyName(await child.firstStatus);
  if (name !== undefined) return name;
  // Any other first line is the cause of the end that follows.
  return new Promise(() => {});
}

async function answers(name: string, signal: AbortSignal): Promise<string> {
  // Nobody can ask a name that the kernel has still to choose.
  if (name.includes("%")) return new Promise(() => {});
  await untilAnswer(name, signal);
  return name;
}

/** One tunnel. It owns its child. */
class ExecTunnel implements RunningTunnel {
  readonly backend = "exec";
  readonly name: string;
  readonly ended: Promise<TunnelEnd>;
  readonly #child: Child;
  #closed: Promise<void> | undefined;
  #end: TunnelEnd | undefined;

  constructor(child: Child, name: string) {
    this.#child = child;
    this.name = name;
    this.ended = this.#waitForEnd();
  }

  async #waitForEnd(): Promise<TunnelEnd> {
    const exit = await this.#child.exited;
    this.#end = this.#closed === undefined ? this.#unaskedEnd(exit) : this.#closedEnd();
    // A killed child leaves its socket. One that may not be removed does no harm: it is dead.
    await removeDeadSocket(this.name).catch(() => {});
    return this.#end;
  }

  #unaskedEnd(exit: ChildEnd): TunnelEnd {
    const { lastStatus } = this.#child;
    if (lastStatus !== undefined && readyName(lastStatus) === undefined) {
      return parseTunnelEnd(this.name, lastStatus);
    }
    if (exit.code === 0) {
      return parseTunnelEnd(this.name, "its program ended by itself, or somebody told it to");
    }
    return parseTunnelEnd(
      this.name,
      `its program failed: ${cause({ ...exit, output: exit.signal === null ? exit.output : [] })}`,
    );
  }

  #closedEnd(): TunnelEnd {
    return parseTunnelEnd(this.name, "closed");
  }

  async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    if (this.#end !== undefined) throw endedError(this.#end);
    if (this.#closed !== undefined) throw endedError(this.#closedEnd());
    try {
      return await exchangeOverSocket(this.name, request, signal);
    } catch (error) {
      if (!isLoss(error)) throw error;
      // The engine hangs up before its process has ended.
      if (this.#closed !== undefined) throw endedError(this.#closedEnd());
      if (this.#child.running) throw error;
      throw endedError(await this.ended);
    }
  }

  abandon(): void {
    if (this.#end !== undefined || this.#child.detached) return;
    this.#child.kill();
    removeSocketNow(this.name);
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
    `${executable} does not tell which name the kernel chose. Give a whole name, or use wg-bridge's own executable.`,
    { cause },
  );
}

function isLoss(error: unknown): boolean {
  return (
    error instanceof WgBridgeError &&
    (error.code === "WG_BRIDGE_CLOSED" || error.code === "WG_BRIDGE_LOST")
  );
}
