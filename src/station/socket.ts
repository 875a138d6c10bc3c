import { type AddressInfo, isIPv6, Socket } from "node:net";
import { hasCode, WgBridgeError } from "../errors.js";
import { isConnectionError } from "./connection.js";
import { type Attempt, type Failure, failureIn, networkError } from "./failure.js";
import {
  encodeFrame,
  FrameReader,
  frameError,
  type Message,
  numberIn,
  protocolVersion,
  textIn,
} from "./frames.js";
import type { Station, StreamMember } from "./station.js";

/** How much longer than the engine this program waits for a connection, in milliseconds: only the engine says why. */
const deadlineGrace = 1_000;

/** How a socket's stream comes about. */
export interface StreamRequest {
  /** "connect" or "accept". */
  readonly kind: string;
  /** Returns the request's fields, perhaps after a look at a name. */
  readonly fields: () => Message | Promise<Message>;
  /** For the error, if there is no stream. */
  readonly attempt: Attempt;
  /** Milliseconds. */
  readonly timeout: number;
  /** What is known of the other end before. */
  readonly remote?: { readonly address: string; readonly port: number };
}

/** How a socket behaves, as for net.Socket. */
export interface StreamOptions {
  readonly allowHalfOpen?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: number | undefined;
  readonly noDelay?: boolean | undefined;
}

/**
 * idle: no connection yet. connecting: to the engine. greeting: the engine knows what is wanted, and has not answered.
 * open: what is read and written is the stream's.
 */
type Phase = "idle" | "connecting" | "greeting" | "open";

/** Where the two ends of a stream are. */
interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

let create: (station: Station, request: StreamRequest, options: StreamOptions) => StationSocket;
let reasonOfEnd: (socket: StationSocket) => Promise<Error | undefined>;

/**
 * A TCP connection through a tunnel. It is a net.Socket, so that whatever works on one works on it: http, tls, http2,
 * the clients of databases. Its addresses are those inside the tunnel.
 *
 * To wrap it with tls.connect, wait for its "connect" event, or wrap it before the next turn of the event loop.
 */
export interface TunnelSocket extends Socket {
  /**
   * Does nothing: the socket connects to where it was made for. Libraries call it on a socket that they are given.
   * @throws WgBridgeError WG_BRIDGE_UNSUPPORTED once it has ended
   */
  connect(...args: readonly unknown[]): this;
  /** Ends the connection at once by an RST, as for a TCP connection of net.Socket. */
  resetAndDestroy(): this;
}

class StationSocket extends Socket implements TunnelSocket {
  static {
    create = (station, request, options) => new StationSocket(station, request, options);
    reasonOfEnd = (socket) => socket.#reasonOfEnd();
    // On the prototype, where Node.js has its own: the declarations call these properties.
    const { prototype } = StationSocket;
    const getters = {
      localAddress: ({ localAddress }: Ends) => localAddress,
      localPort: ({ localPort }: Ends) => localPort,
      localFamily: ({ localAddress }: Ends) => familyOf(localAddress),
      remoteAddress: ({ remoteAddress }: Ends) => remoteAddress,
      remotePort: ({ remotePort }: Ends) => remotePort,
      remoteFamily: ({ remoteAddress }: Ends) => familyOf(remoteAddress),
    };
    for (const [name, read] of Object.entries(getters)) {
      Object.defineProperty(prototype, name, {
        get(this: StationSocket) {
          return read(this.#ends);
        },
        configurable: true,
      });
    }
    Object.defineProperty(prototype, "connecting", {
      get(this: StationSocket) {
        return #phase in this && this.#isConnecting();
      },
      // net.Socket writes it; its constructor does so before this class has its fields.
      set(this: StationSocket, value: boolean) {
        if (#phase in this) this.#isConnectingToEngine = value;
      },
      configurable: true,
    });
    for (const [name, overhead] of [
      ["bytesRead", (socket: StationSocket) => socket.#answerLength],
      ["bytesWritten", (socket: StationSocket) => socket.#requestLength],
    ] as const) {
      Object.defineProperty(prototype, name, {
        get(this: StationSocket) {
          const bytes: unknown = Reflect.get(Socket.prototype, name, this);
          return typeof bytes === "number" ? Math.max(0, bytes - overhead(this)) : bytes;
        },
        configurable: true,
      });
    }
  }

  readonly #station: Station;
  readonly #request: StreamRequest;
  readonly #answer = new FrameReader();
  readonly #member: StreamMember = {
    told: (failure) => {
      this.#told = failure;
      if (!this.#hasEnded) return isTaken(this) ? this.#failOnceRead(failure) : undefined;
      // Nothing is read any more that could fail.
      if (!this.writableFinished) this.destroy(this.#errorOf(failure));
      return undefined;
    },
    lose: (error) => this.#lose(error),
  };
  #phase: Phase = "idle";
  #isConnectingToEngine = false;
  /** Whether net.Socket is asked to work on the connection to the engine, although the stream is not open. */
  #isInside = false;
  #hasHandle = false;
  /** The arguments of a call of end() before there was a handle. */
  #end: readonly unknown[] | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #first: Buffer = Buffer.alloc(0);
  #requestLength = 0;
  #answerLength = 0;
  #id: number | undefined;
  #ends: Ends;
  /** Why the engine is about to end the stream. */
  #told: Failure | undefined;
  /** Whether the other end has ended its side. */
  #hasEnded = false;
  #isResetting = false;
  /** Milliseconds until the first probe, true for the stack's own time, false for none. */
  #keepAlive: number | boolean;
  #noDelay: boolean | undefined;

  private constructor(station: Station, request: StreamRequest, options: StreamOptions) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false });
    this.#station = station;
    this.#request = request;
    this.#ends = { remoteAddress: request.remote?.address, remotePort: request.remote?.port };
    this.#keepAlive = keepAliveOf(options.keepAlive, options.keepAliveInitialDelay);
    this.#noDelay = options.noDelay;
    this.#phase = "connecting";
    this.#deadline = setTimeout(() => this.#expire(), request.timeout + deadlineGrace);
    void this.#connectToEngine();
  }

  #isConnecting(): boolean {
    if (this.#isInside) return this.#isConnectingToEngine;
    return !this.destroyed && (this.#phase === "connecting" || this.#phase === "greeting");
  }

  #expire(): void {
    this.destroy(networkError({ errno: "ETIMEDOUT" }, this.#request.attempt));
  }

  /** In a later turn, so that tls.connect, called at once, finds no handle and waits for the stream. */
  async #connectToEngine(): Promise<void> {
    try {
      this.#station.join(this.#member);
      const { kind, fields } = this.#request;
      const options = { keepAlive: this.#keepAlive || undefined, noDelay: this.#noDelay };
      const message = { v: protocolVersion, kind, ...options, ...(await fields()) };
      await new Promise((resolve) => process.nextTick(resolve));
      if (this.destroyed) return;
      this.#first = encodeFrame(message);
      super.connect({ path: this.#station.path });
      this.#hasHandle = true;
      if (this.#end !== undefined) Reflect.apply(Socket.prototype.end, this, this.#end);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override connect(...args: readonly unknown[]): this {
    if (this.destroyed) {
      throw new WgBridgeError(
        "WG_BRIDGE_UNSUPPORTED",
        "This socket of a tunnel has ended, and cannot connect again: make another with tunnel.createConnection().",
      );
    }
    const listener = args.at(-1);
    if (isListener(listener)) this.once("connect", listener);
    return this;
  }

  /** net.Socket forgets on connecting that it was ended. */
  override end(...args: readonly unknown[]): this {
    if (this.#hasHandle || this.destroyed) Reflect.apply(Socket.prototype.end, this, args);
    else this.#end ??= args;
    return this;
  }

  /** Keeps "connect" and "ready" back until the stream is open: net.Socket emits them for the connection to the engine. */
  override emit(event: string | symbol, ...args: readonly unknown[]): boolean {
    if (this.#phase !== "open") {
      if (event === "connect") {
        this.#greet();
        return true;
      }
      if (event === "ready") return true;
    }
    return super.emit(event, ...args);
  }

  #greet(): void {
    this.#phase = "greeting";
    this.#requestLength = this.#first.length;
    this.#inside(() => {
      // A failure to write follows as one to read. As latin1, whose characters are bytes: net.Socket takes a Buffer from
      // Writable alone, which says so by an encoding that has no type.
      super._write(this.#first.toString("latin1"), "latin1", () => {});
      super._read(0);
    });
    this.#first = Buffer.alloc(0);
  }

  #inside(work: () => void): void {
    this.#isInside = true;
    try {
      work();
    } finally {
      this.#isInside = false;
    }
  }

  /** Until the stream is open, only the answer is read, and #greet has begun that. */
  override _read(size: number): void {
    if (this.#phase === "open") super._read(size);
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (this.#phase === "greeting") return this.#readAnswer(chunk);
    if (chunk === null && !this.destroyed) return this.#endOrFail();
    return super.push(chunk, encoding);
  }

  #readAnswer(chunk: unknown): boolean {
    if (!Buffer.isBuffer(chunk)) {
      const { attempt } = this.#request;
      void this.#station.hangUpReason(attempt).then((reason) => this.destroy(reason));
      return false;
    }
    try {
      this.#answerLength += chunk.length;
      this.#answer.push(chunk);
      const answer = this.#answer.next();
      if (answer === undefined) return true;
      const failure = failureIn(answer);
      if (failure !== undefined) throw networkError(failure, this.#request.attempt);
      return this.#open(answer);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  #open(answer: Message): boolean {
    const rest = this.#answer.rest();
    this.#answerLength -= rest.length;
    const id = numberIn(answer, "id") ?? numberIn(answer, "stream");
    if (id === undefined) throw frameError("a stream has no number");
    clearTimeout(this.#deadline);
    this.#id = id;
    this.#told = this.#station.nameStream(id, this.#member);
    const known = this.#ends;
    this.#ends = {
      localAddress: textIn(answer, "localAddress"),
      localPort: numberIn(answer, "localPort"),
      remoteAddress: textIn(answer, "remoteAddress") ?? known.remoteAddress,
      remotePort: numberIn(answer, "remotePort") ?? known.remotePort,
    };
    this.#phase = "open";
    super.emit("connect");
    super.emit("ready");
    return rest.length === 0 || super.push(rest);
  }

  /** The stream has ended: because the other end has finished, or for a reason that the engine has said before. */
  #endOrFail(): boolean {
    void this.#reasonOfEnd().then((failure) => {
      if (this.destroyed) return;
      if (failure !== undefined) {
        this.destroy(failure);
        return;
      }
      this.#hasEnded = true;
      super.push(null);
      this.read(0);
    });
    return false;
  }

  /** Resolves with why a stream that has ended has failed, or with undefined if the other end has finished. */
  async #reasonOfEnd(): Promise<Error | undefined> {
    try {
      await this.#station.confirm(this.#id ?? 0);
    } catch (reason) {
      return reason instanceof Error ? reason : new Error(String(reason));
    }
    return this.#told && this.#errorOf(this.#told);
  }

  /**
   * Fails what reads past this socket, as TLS does that a program has put over it: for TLS, the end of the connection
   * would be that of the data. What the engine had received is on its way to the reader, and is read before.
   */
  async #failOnceRead(failure: Failure): Promise<void> {
    let quiet = 0;
    for (let before = -1; quiet < 2 && !this.destroyed; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const read = this.bytesRead;
      quiet = read === before ? quiet + 1 : 0;
      before = read;
    }
    if (this.destroyed) return;
    const closed = new Promise<void>((resolve) => this.once("close", resolve));
    this.destroy(this.#errorOf(failure));
    await closed; // with its handle, whose end must not come first
  }

  #errorOf(failure: Failure): Error {
    return networkError(failure, { syscall: this.#hasEnded ? "write" : "read" });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#deadline);
    const finish = (reason: Error | null) => {
      this.#station.leave(this.#member);
      if (this.#id !== undefined) this.#station.forgetStream(this.#id);
      super._destroy(reason, callback);
    };
    if (this.#isResetting) void this.#reset().then(() => finish(error));
    else if (isConnectionError(error)) void this.#explain(error).then(finish);
    else finish(error);
  }

  /** Finds out why the connection to the engine failed: the stream has, or the engine has ended. */
  async #explain(error: Error | null): Promise<Error | null> {
    return (await this.#reasonOfEnd()) ?? error;
  }

  /** A program that closes its tunnel, and listens for no errors of what is open, need not end by one. */
  #lose(error: Error): void {
    const isUnheard = this.listenerCount("error") === 0 && hasCode(error, "WG_BRIDGE_CLOSED");
    this.destroy(isUnheard ? undefined : error);
  }

  async #reset(): Promise<void> {
    const stream = this.#id;
    try {
      await this.#station.request("reset", { stream }, { syscall: "reset" });
    } catch {} // the stream has ended meanwhile
  }

  override resetAndDestroy(): this {
    if (this.destroyed) return super.resetAndDestroy();
    this.#isResetting = this.#phase === "open";
    return this.destroy();
  }

  override setKeepAlive(enable = false, initialDelay = 0): this {
    const keepAlive = keepAliveOf(enable, initialDelay);
    if (keepAlive === this.#keepAlive) return this;
    this.#keepAlive = keepAlive;
    this.#tellOption({ keepAlive });
    return this;
  }

  override setNoDelay(noDelay = true): this {
    if (noDelay === this.#noDelay) return this;
    this.#noDelay = noDelay;
    this.#tellOption({ noDelay });
    return this;
  }

  #tellOption(option: Message): void {
    const set = () => this.#station.tell("option", { stream: this.#id, ...option });
    if (this.#phase === "open") set();
    else this.once("connect", set);
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress: address, localPort: port } = this.#ends;
    if (address === undefined || port === undefined) return {};
    return { address, family: familyOf(address) ?? "IPv4", port };
  }
}

/**
 * Reports whether TLS reads from the handle of a socket, and the socket itself no longer does. Node.js then makes the
 * handle's property `reading` one that TLS answers.
 */
function isTaken(socket: Socket): boolean {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return false;
  return Object.getOwnPropertyDescriptor(handle, "reading")?.get !== undefined;
}

function familyOf(address: string | undefined): "IPv4" | "IPv6" | undefined {
  if (address === undefined) return undefined;
  return isIPv6(address) ? "IPv6" : "IPv4";
}

function keepAliveOf(enable = false, initialDelay = 0): number | boolean {
  return enable && (initialDelay > 0 ? Math.trunc(initialDelay) : true);
}

function isListener(value: unknown): value is () => void {
  return typeof value === "function";
}

/** Makes a socket, which connects by itself. */
export function createSocket(
  station: Station,
  request: StreamRequest,
  options: StreamOptions = {},
): TunnelSocket {
  return create(station, request, options);
}

/** Resolves with why a connection that has ended has failed, if it is a tunnel's and has. */
export async function failureOf(socket: Socket): Promise<Error | undefined> {
  return socket instanceof StationSocket ? reasonOfEnd(socket) : undefined;
}

/**
 * Resolves with the socket once it is connected.
 * @throws why it is not; or the signal's reason
 */
export function untilConnected(
  socket: TunnelSocket,
  signal: AbortSignal | undefined,
): Promise<TunnelSocket> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      // The reason need not be an Error, and is for the caller alone.
      reject(signal?.reason);
      socket.destroy();
    };
    const settle = () => {
      socket.off("connect", connected).off("error", failed).off("close", closed);
      signal?.removeEventListener("abort", giveUp);
    };
    const connected = () => {
      settle();
      resolve(socket);
    };
    const failed = (error: Error) => {
      settle();
      reject(error);
    };
    const closed = () => {
      settle();
      reject(new Error("The socket was closed before it was connected."));
    };
    socket.on("connect", connected).on("error", failed).on("close", closed);
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
  });
}
