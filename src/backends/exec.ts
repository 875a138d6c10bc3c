import { WgBridgeError } from "../errors.js";
import { checkInterfaceName } from "../interface-name.js";
import { withDeadline } from "../uapi/deadline.js";
import { exchangeOverSocket, removeDeadSocket, waitUntilFree } from "../uapi/socket.js";
import type { Backend, LogLevel, RunningTunnel, StartOptions, TunnelEnd } from "./backend.js";
import { untilAnswer } from "./exec/answer.js";
import { Child } from "./exec/child.js";
import { type ChildEnd, cause, classify } from "./exec/classify.js";
import { setMtu } from "./exec/mtu.js";
import { startFailure } from "./start-failure.js";
import { endedError, parseTunnelEnd } from "./tunnel-end.js";

/** How long an executable may take until UAPI answers, in milliseconds. */
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
    const env = environment(options.logLevel ?? "error");
    const child = await Child.start(this.#executable, name, env, options.onLog ?? (() => {}));
    try {
      await withDeadline(`Starting ${name}`, startTimeout, signal, (either) =>
        untilReady(child, name, either),
      );
      if (options.mtu !== undefined) await setMtu(name, options.mtu);
      return new ExecTunnel(child, name);
    } catch (error) {
      await child.terminate();
      await removeDeadSocket(name);
      throw error;
    }
  }
}

function environment(logLevel: LogLevel): NodeJS.ProcessEnv {
  const { WG_TUN_FD: _tun, WG_UAPI_FD: _uapi, ...env } = process.env;
  return { ...env, LOG_LEVEL: logLevel };
}

/** Resolves when the child says that it is ready, or answers; rejects when it has ended. */
async function untilReady(child: Child, name: string, signal: AbortSignal): Promise<void> {
  const stopPolling = new AbortController();
  try {
    await Promise.race([
      saysReady(child),
      untilAnswer(name, AbortSignal.any([signal, stopPolling.signal])),
      child.exited.then((end) => {
        throw startFailure(classify(end), name, cause(end));
      }),
    ]);
  } finally {
    stopPolling.abort();
  }
}

async function saysReady(child: Child): Promise<void> {
  // Any other first line is the cause of the end that follows.
  if ((await child.firstStatus) !== "ready") await child.exited;
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
    if (lastStatus !== undefined && lastStatus !== "ready") {
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

  async exchange(request: string, signal?: AbortSignal): Promise<string> {
    if (this.#end !== undefined) throw endedError(this.#end);
    if (this.#closed !== undefined) throw endedError(this.#closedEnd());
    try {
      return await exchangeOverSocket(this.name, request, signal);
    } catch (error) {
      if (this.#child.running || !isLoss(error)) throw error;
      throw endedError(await this.ended);
    }
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

function isLoss(error: unknown): boolean {
  return (
    error instanceof WgBridgeError &&
    (error.code === "WG_BRIDGE_CLOSED" || error.code === "WG_BRIDGE_LOST")
  );
}
