import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { withDeadline } from "../../deadline.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { checkRequest } from "../../uapi/request.js";
import { exchangeTimeout, removeSocketNow } from "../../uapi/socket.js";
import type { RunningTunnel, StartOptions, TunnelEnd } from "../backend.js";
import { closedError, endedError, parseTunnelEnd } from "../end.js";
import { startError } from "../failure.js";
import type { TunnelLibrary } from "../ffi.js";
import { readLines } from "../lines.js";

const { errno } = constants;

/** Linux's ENOTRECOVERABLE, which Node.js does not name: the library has caught a panic. */
const notRecoverable = 131;

/** Starts a tunnel in this process. */
export async function startTunnel(
  library: TunnelLibrary,
  options: StartOptions,
): Promise<RunningTunnel> {
  const { name, mtu = 0, logLevel = "error" } = options;
  const opened = await open(library, options, (handle) =>
    library.open(handle, name, mtu, logLevel),
  );
  const realName = library.interfaceName(opened.handle);
  return new FfiTunnel(library, realName, opened, () => removeSocketNow(realName));
}

/** A handle with an open tunnel, and what belongs to it. */
export interface OpenedHandle {
  readonly handle: number;
  /** Says why the tunnel ended. */
  readonly end: Socket;
  readonly logEnded: Promise<void>;
}

/**
 * Opens a tunnel on a new handle: `openHandle` makes the call that does so, and resolves with its result.
 * @throws WgBridgeError why it cannot be opened; nothing is left then
 */
export async function open(
  library: TunnelLibrary,
  options: Pick<StartOptions, "name" | "signal" | "onLog" | "disable" | "onStarting">,
  openHandle: (handle: number) => Promise<number>,
): Promise<OpenedHandle> {
  const { name, signal, onLog, disable = [] } = options;
  const handle = library.newHandle();
  if (handle < 0) throw startError(name, library.lastFailure(0));
  const succeed = (result: number) => {
    if (result < 0) throw startError(name, library.lastFailure(handle));
    return result;
  };
  // It waits for an open that is under way, which then has nothing to leave.
  options.onStarting?.(() => library.closeNow(handle));
  let logEnded = Promise.resolve();
  try {
    succeed(library.disable(handle, disable));
    if (onLog !== undefined) {
      logEnded = readLines(pipe(succeed(library.logFd(handle)), "the log"), onLog);
    }
    succeed(await openHandle(handle));
    signal?.throwIfAborted();
    const end = pipe(succeed(library.endFd(handle)), "the tunnel's end");
    return { handle, end, logEnded };
  } catch (error) {
    await library.close(handle);
    await logEnded;
    throw error;
  }
}

/** One tunnel. It owns its handle and the two descriptors that belong to it. */
export class FfiTunnel implements RunningTunnel {
  readonly backend = "ffi";
  readonly name: string;
  readonly ended: Promise<TunnelEnd>;
  readonly #library: TunnelLibrary;
  readonly #handle: number;
  readonly #logEnded: Promise<void>;
  readonly #removeNow: () => void;
  readonly #endRead: Promise<TunnelEnd>;
  #end: TunnelEnd | undefined;
  #closed: Promise<void> | undefined;
  /** The exchange before: they go one by one, so that one buffer serves them all. */
  #previous: Promise<unknown> = Promise.resolve();
  #answer = Buffer.alloc(4096);

  /** `removeNow` removes what would stay on the file system if this process ended now. */
  constructor(
    library: TunnelLibrary,
    name: string,
    { handle, end, logEnded }: OpenedHandle,
    removeNow: () => void,
  ) {
    this.#library = library;
    this.#handle = handle;
    this.#logEnded = logEnded;
    this.#removeNow = removeNow;
    this.name = name;
    this.#endRead = this.#readEnd(end);
    this.ended = this.#freeAtEnd();
  }

  async #readEnd(end: Socket): Promise<TunnelEnd> {
    let reason: string | undefined;
    await readLines(end, (line) => {
      reason ??= line;
    });
    this.#end = parseTunnelEnd(this.name, reason);
    return this.#end;
  }

  async #freeAtEnd(): Promise<TunnelEnd> {
    const end = await this.#endRead;
    await this.close().catch(() => {}); // a failure is for the one who calls close()
    return end;
  }

  async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    const checked = checkRequest(request);
    return withDeadline(`A UAPI exchange with ${this.name}`, exchangeTimeout, signal, (either) => {
      const answer = this.#previous.then(() => {
        either.throwIfAborted();
        return this.#call(checked);
      });
      this.#previous = answer.catch(() => {});
      return answer;
    });
  }

  async #call(request: Buffer): Promise<Buffer> {
    for (;;) {
      this.refuseIfEnded();
      const buffer = this.#answer;
      const length = await this.#library.exchange(this.#handle, request, buffer);
      if (length >= 0) {
        const answer = Buffer.from(buffer.subarray(0, length));
        buffer.fill(0, 0, length); // it holds private keys
        return answer;
      }
      if (length === -errno.ERANGE) {
        buffer.fill(0);
        this.#answer = Buffer.alloc(buffer.length * 4);
        continue;
      }
      // Nothing but an end in the meantime takes the device or the handle away.
      if (length === -errno.ENODEV || length === -errno.EBADF)
        throw endedError(await this.#endRead);
      throw this.#failure("A UAPI exchange", length);
    }
  }

  protected refuseIfEnded(): void {
    if (this.#end !== undefined) throw endedError(this.#end);
    if (this.#closed !== undefined) throw closedError(this.name);
  }

  abandon(): void {
    // The engine ends with the process; the socket's file would stay.
    if (this.#end === undefined) this.#removeNow();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Not after the exchange before: that may wait for what only the tunnel's end gives back.
    const result = await this.#library.close(this.#handle);
    await this.#logEnded;
    await this.#endRead;
    if (result < 0) throw this.#failure("Closing", result);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #failure(what: string, result: number): WgBridgeError {
    const code = result === -notRecoverable ? "WG_BRIDGE_LOST" : "WG_BRIDGE_ENGINE";
    const remedy = "Close the tunnel and start it anew; use --backend=exec if it happens again.";
    return new WgBridgeError(
      code,
      `${what} of ${this.name} failed: ${getSystemErrorName(result)}. ${remedy}`,
    );
  }
}

/**
 * Takes over the reading end of a pipe. Reading it never blocks, and its end closes it.
 * @throws WgBridgeError WG_BRIDGE_ENGINE if Node.js cannot read it; it is closed then
 */
function pipe(fd: number, what: string): Socket {
  try {
    return new Socket({ fd, readable: true, writable: false });
  } catch (cause) {
    closeSync(fd);
    throw new WgBridgeError(
      "WG_BRIDGE_ENGINE",
      `Node.js cannot read ${what} of the library: ${messageOf(cause)}.`,
      { cause },
    );
  }
}
