import { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { isIPv6 } from "node:net";
import { numberIn, textIn } from "./frames.js";
import { createSocket, type StreamOptions, type TunnelSocket } from "./socket.js";
import type { ListeningMember, Station } from "./station.js";

/** How long the engine keeps a stream that nobody accepts, in milliseconds. */
const acceptTimeout = 30_000;

/** What net.Server emits, of a tunnel's server. */
export interface TunnelServerEventMap {
  connection: [TunnelSocket];
  /** A connection was refused, because there are maxConnections already. */
  drop: [{ readonly remoteAddress: string; readonly remotePort: number }];
  /** It has stopped, and its last connection has ended. */
  close: [];
  /** The tunnel has ended. */
  error: [Error];
}

/** Where a server listens. */
export interface ListenRequest extends StreamOptions {
  readonly address: string | undefined;
  readonly port: number;
  readonly backlog: number | undefined;
}

let create: (station: Station, options: StreamOptions) => TunnelServer;
let start: (
  server: TunnelServer,
  request: ListenRequest,
  signal: AbortSignal | undefined,
) => Promise<void>;

/**
 * A TCP server inside a tunnel, with net.Server's surface. It keeps the process alive until it is closed. To serve
 * HTTP, hand its connections on: `server.on("connection", (socket) => httpServer.emit("connection", socket))`.
 */
export class TunnelServer extends EventEmitter<TunnelServerEventMap> implements AsyncDisposable {
  static {
    create = (station, options) => new TunnelServer(station, options);
    start = (server, request, signal) => server.#listen(request, signal);
  }

  /** How many connections it has at most. Further ones are reset. Default: unlimited. */
  maxConnections: number | undefined;
  readonly #station: Station;
  readonly #options: StreamOptions;
  readonly #sockets = new Set<TunnelSocket>();
  readonly #member: ListeningMember = {
    lose: (error) => this.#lose(error),
    incoming: (stream, address, port) => this.#take(stream, address, port),
  };
  #id: number | undefined;
  #address: AddressInfo | null = null;
  #isRef = true;
  #isClosed = false;

  private constructor(station: Station, options: StreamOptions) {
    super();
    this.#station = station;
    this.#options = options;
  }

  async #listen(request: ListenRequest, signal: AbortSignal | undefined): Promise<void> {
    const { address, port, backlog } = request;
    const station = this.#station;
    station.join(this.#member);
    const id = station.newId();
    // Before the answer: a connection may come with it.
    station.nameListener(id, this.#member);
    const attempt = { syscall: "listen", port, ...(address !== undefined && { address }) };
    const fields = { address, port, backlog };
    const asked = station.request("listen", fields, attempt, undefined, id);
    const stop = () => {
      station.forgetListener(id);
      station.leave(this.#member);
      station.tell("unlisten", { listener: id });
    };
    try {
      const answer = await untilAborted(asked, signal, stop);
      const bound = textIn(answer, "address") ?? address ?? "::";
      this.#address = {
        address: bound,
        family: isIPv6(bound) ? "IPv6" : "IPv4",
        port: numberIn(answer, "port") ?? port,
      };
      this.#id = id;
      if (this.#isRef) station.hold();
    } catch (error) {
      station.forgetListener(id);
      station.leave(this.#member);
      throw error;
    }
  }

  /** Whether it accepts connections. */
  get listening(): boolean {
    return this.#id !== undefined;
  }

  /** Where it listens, inside the tunnel; null once it is closed. */
  address(): AddressInfo | null {
    return this.listening ? this.#address : null;
  }

  /** Calls back with the number of connections that are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#sockets.size);
    return this;
  }

  #take(stream: number, address: string, port: number): void {
    if (this.#sockets.size >= (this.maxConnections ?? Number.POSITIVE_INFINITY)) {
      this.#station.tell("reset", { stream });
      this.emit("drop", { remoteAddress: address, remotePort: port });
      return;
    }
    const request = {
      kind: "accept",
      fields: () => ({ stream }),
      attempt: { syscall: "accept" },
      timeout: acceptTimeout,
      remote: { address, port },
    };
    const socket = createSocket(this.#station, request, this.#options);
    this.#sockets.add(socket);
    const ignore = () => {}; // the other end has gone before its connection was accepted
    socket.on("error", ignore);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#emitCloseIfDone();
    });
    socket.once("connect", () => {
      socket.off("error", ignore);
      this.emit("connection", socket);
    });
  }

  /**
   * Stops accepting connections. Those that are open go on; "close" is emitted once the last has ended. The callback
   * is called then.
   */
  close(callback?: () => void): this {
    if (callback !== undefined) {
      if (this.#isClosed) process.nextTick(callback);
      else this.once("close", callback);
    }
    const id = this.#stop();
    if (id === undefined) return this;
    void this.#unlisten(id);
    return this;
  }

  async #unlisten(listener: number): Promise<void> {
    try {
      await this.#station.request("unlisten", { listener }, { syscall: "close" });
    } catch {} // the tunnel has ended, and the listener with it
    this.#emitCloseIfDone();
  }

  #stop(): number | undefined {
    const id = this.#id;
    if (id === undefined) return undefined;
    this.#id = undefined;
    this.#station.forgetListener(id);
    this.#station.leave(this.#member);
    if (this.#isRef) this.#station.release();
    return id;
  }

  #emitCloseIfDone(): void {
    if (this.listening || this.#isClosed || this.#sockets.size > 0) return;
    this.#isClosed = true;
    process.nextTick(() => this.emit("close"));
  }

  #lose(error: Error): void {
    if (this.#stop() === undefined) return;
    // Nobody may listen for it, and the end of a server is no reason to end a program that has closed its tunnel.
    if (this.listenerCount("error") > 0) this.emit("error", error);
    this.#emitCloseIfDone();
  }

  /** Keeps the process alive while it listens, as it does from the beginning. */
  ref(): this {
    if (!this.#isRef && this.listening) this.#station.hold();
    this.#isRef = true;
    return this;
  }

  /** Lets the process end although it listens. */
  unref(): this {
    if (this.#isRef && this.listening) this.#station.release();
    this.#isRef = false;
    return this;
  }

  /** Stops accepting connections, and resolves once the last has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.close(resolve));
  }
}

/** Settles as the answer does, or rejects with the signal's reason; then `late` undoes what is answered later. */
async function untilAborted<T>(
  answer: Promise<T>,
  signal: AbortSignal | undefined,
  late: () => void,
): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.reason);
      answer.then(late, () => {});
    };
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}

/**
 * Listens inside the tunnel.
 * @throws NetworkError, such as EADDRINUSE; or the signal's reason
 */
export async function listen(
  station: Station,
  request: ListenRequest,
  signal: AbortSignal | undefined,
): Promise<TunnelServer> {
  signal?.throwIfAborted();
  const server = create(station, request);
  await start(server, request, signal);
  return server;
}
