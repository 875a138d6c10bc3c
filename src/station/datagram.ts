import { EventEmitter } from "node:events";
import { type AddressInfo, createConnection, isIP, isIPv6, type Socket } from "node:net";
import { formatAddress, parseAddress } from "../values/address.js";
import { type Datagram, DatagramReader, encodeDatagram, maxPayload } from "./datagram-frames.js";
import { type Attempt, failureIn, type NetworkError, networkError } from "./failure.js";
import {
  encodeFrame,
  FrameReader,
  frameError,
  numberIn,
  protocolVersion,
  textIn,
} from "./frames.js";
import type { DatagramMember, Station } from "./station.js";

/** How many bytes wait at most for an engine that does not read. What is sent then is lost, as in a network. */
const maxQueue = 4 * 1024 * 1024;

/** Who sent a datagram, as for dgram. */
export interface DatagramSource {
  readonly address: string;
  readonly family: "IPv4" | "IPv6";
  readonly port: number;
  /** The length of the payload in bytes. */
  readonly size: number;
}

/** What dgram.Socket emits, of a tunnel's datagram socket. */
export interface TunnelDatagramEventMap {
  message: [Buffer, DatagramSource];
  connect: [];
  /** So many datagrams were lost, because this program did not read them in time. */
  dropped: [number];
  error: [Error];
  close: [];
}

/** Where a datagram socket is bound. */
export interface DatagramRequest {
  readonly address: string | undefined;
  readonly port: number;
}

/** Finds the addresses of a name, inside the tunnel. */
export type NameLookup = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>;

type Sent = (error: Error | null, bytes: number) => void;

interface Target {
  readonly address: string;
  readonly port: number;
}

/** A datagram to an address in bytes. */
interface Outgoing {
  readonly address: Uint8Array;
  readonly port: number;
  readonly payload: Buffer;
  readonly callback: Sent | undefined;
}

let create: (station: Station, lookup: NameLookup) => TunnelDatagram;
let start: (
  socket: TunnelDatagram,
  request: DatagramRequest,
  signal: AbortSignal | undefined,
) => Promise<void>;

/**
 * A UDP socket inside a tunnel, with dgram.Socket's surface except for multicast, broadcast and what is set in a
 * kernel. It is bound from the beginning.
 */
export class TunnelDatagram
  extends EventEmitter<TunnelDatagramEventMap>
  implements AsyncDisposable
{
  static {
    create = (station, lookup) => new TunnelDatagram(station, lookup);
    start = (socket, request, signal) => socket.#bind(request, signal);
  }

  readonly #station: Station;
  readonly #lookup: NameLookup;
  readonly #datagrams = new DatagramReader();
  readonly #member: DatagramMember = {
    lose: (error) => this.#lose(error),
    dropped: (count) => this.emit("dropped", count),
    told: (failure, address, port) => {
      const error = networkError(failure, { syscall: "send", address, port });
      if (this.listenerCount("error") > 0) this.emit("error", error);
    },
  };
  #socket: Socket | undefined;
  #id: number | undefined;
  #address: AddressInfo | undefined;
  #remote: Target | undefined;
  #queued = 0;
  // What is written at the end of this turn of the event loop.
  #frames: Buffer[] = [];
  #bytesWaiting = 0;
  #callbacks: [Sent, number][] = [];
  #latest: { readonly address: string; readonly bytes: Uint8Array | undefined } = {
    address: "",
    bytes: undefined,
  };
  #isClosed = false;

  private constructor(station: Station, lookup: NameLookup) {
    super();
    this.#station = station;
    this.#lookup = lookup;
  }

  #bind({ address, port }: DatagramRequest, signal: AbortSignal | undefined): Promise<void> {
    const station = this.#station;
    station.join(this.#member);
    const attempt = { syscall: "bind", port, ...(address !== undefined && { address }) };
    const socket = createConnection({ path: station.path });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      const answer = new FrameReader();
      const giveUp = () => fail(signal?.reason);
      const fail = (reason: unknown) => {
        signal?.removeEventListener("abort", giveUp);
        station.leave(this.#member);
        socket.destroy();
        reject(reason);
      };
      const read = (piece: Buffer) => {
        try {
          answer.push(piece);
          const message = answer.next();
          if (message === undefined) return;
          const failure = failureIn(message);
          if (failure !== undefined) throw networkError(failure, attempt);
          const id = numberIn(message, "id");
          if (id === undefined) throw frameError("a datagram socket has no number");
          const bound = textIn(message, "address") ?? address ?? "::";
          const family = isIPv6(bound) ? "IPv6" : "IPv4";
          this.#address = { address: bound, family, port: numberIn(message, "port") ?? port };
          this.#id = id;
          station.nameDatagram(id, this.#member);
          signal?.removeEventListener("abort", giveUp);
          socket.off("data", read).off("close", hungUp);
          this.#serve(socket, answer.rest());
          resolve();
        } catch (error) {
          fail(error);
        }
      };
      const hungUp = () => void station.hangUpReason(attempt).then(fail);
      socket.on("error", () => {}); // "close" follows
      socket.on("data", read).on("close", hungUp);
      socket.write(encodeFrame({ v: protocolVersion, kind: "datagram", address, port }));
      signal?.addEventListener("abort", giveUp, { once: true });
      if (signal?.aborted) giveUp();
    });
  }

  #serve(socket: Socket, first: Buffer): void {
    const read = (piece: Buffer) => {
      try {
        for (const datagram of this.#datagrams.push(piece)) this.#receive(datagram);
      } catch (error) {
        socket.destroy();
        if (error instanceof Error) this.#lose(error);
      }
    };
    socket.on("data", read);
    socket.on("close", () => {
      if (this.#isClosed) return;
      const attempt = { syscall: "recvmsg" };
      void this.#station.hangUpReason(attempt).then((reason) => this.#lose(reason));
    });
    // After the caller has had a chance to listen.
    if (first.length > 0) setImmediate(read, first);
  }

  #receive({ address, family, port, payload }: Datagram): void {
    if (this.#isClosed) return;
    const remote = this.#remote;
    if (remote !== undefined && (remote.port !== port || remote.address !== address)) return;
    this.emit("message", payload, { address, family, port, size: payload.length });
  }

  /**
   * Sends a datagram: its message, or part of a message, then port and address unless the socket is connected. A name
   * is looked up inside the tunnel. The callback learns that the engine has it, or why not; without one, what cannot be
   * sent is lost silently, as in a network.
   */
  send(
    message: string | Uint8Array | readonly (string | Uint8Array)[],
    port?: number,
    address?: string,
    callback?: (error: Error | null, bytes: number) => void,
  ): void;
  send(
    message: string | Uint8Array | readonly (string | Uint8Array)[],
    callback: (error: Error | null, bytes: number) => void,
  ): void;
  send(
    message: string | Uint8Array | readonly (string | Uint8Array)[],
    port: number,
    callback: (error: Error | null, bytes: number) => void,
  ): void;
  send(
    message: string | Uint8Array,
    offset: number,
    length: number,
    port?: number,
    address?: string,
    callback?: (error: Error | null, bytes: number) => void,
  ): void;
  send(message: unknown, ...rest: readonly unknown[]): void {
    this.#requireOpen();
    const callback = rest.find(isSent);
    const given = rest.filter((one) => typeof one !== "function" && one !== undefined);
    let payload = payloadOf(message);
    // (offset, length[, port[, address]]) has a second number; (port[, address]) has not.
    if (typeof given[0] === "number" && typeof given[1] === "number") {
      const [offset, length] = [given[0], given[1]];
      if (offset < 0 || length < 0 || offset + length > payload.length) {
        throw new RangeError(`offset ${offset} and length ${length} are not in the message`);
      }
      payload = payload.subarray(offset, offset + length);
      given.splice(0, 2);
    }
    const [port, address] = given;
    const target = this.#targetOf(port, address);
    const bytes = this.#bytesOf(target.address);
    if (bytes !== undefined) this.#queue({ ...target, address: bytes, payload, callback });
    else void this.#queueResolved(payload, target, callback);
  }

  #targetOf(port: unknown, address: unknown): Target {
    if (this.#remote !== undefined) {
      if (port === undefined) return this.#remote;
      throw new TypeError("This socket is connected: it sends to nobody else.");
    }
    const host = typeof address === "string" && address !== "" ? address : this.#ownHost();
    return { address: host, port: checkPort(port) };
  }

  /** Where dgram sends to if it is not said: this host. Inside a tunnel that is its own address. */
  #ownHost(): string {
    return this.#address?.address ?? "127.0.0.1";
  }

  /** The bytes of an address, which are mostly those of the latest one. undefined: it is a name. */
  #bytesOf(address: string): Uint8Array | undefined {
    if (address !== this.#latest.address) {
      this.#latest = { address, bytes: isIP(address) === 0 ? undefined : parseAddress(address) };
    }
    return this.#latest.bytes;
  }

  async #queueResolved(payload: Buffer, { address, port }: Target, callback: Sent | undefined) {
    // The caller may change its bytes meanwhile.
    const copy = Buffer.from(payload);
    this.#queued++;
    try {
      const bytes = parseAddress(await this.#resolve(address));
      if (bytes === undefined) throw networkError({ errno: "EINVAL" }, attemptTo(address, port));
      this.#queue({ address: bytes, port, payload: copy, callback });
    } catch (error) {
      callback?.(error instanceof Error ? error : new Error(String(error)), 0);
    } finally {
      this.#queued--;
    }
  }

  /** Queues a datagram. What is sent in one turn of the event loop is written at once. */
  #queue({ address, port, payload, callback }: Outgoing): void {
    const socket = this.#socket;
    const error = this.#refusal(socket, payload, address, port);
    if (error !== undefined || socket === undefined) {
      if (callback !== undefined) process.nextTick(callback, error ?? notRunning(), 0);
      return;
    }
    const frame = encodeDatagram(address, port, payload);
    if (this.#frames.length === 0) setImmediate(() => this.#flush());
    this.#frames.push(frame);
    this.#bytesWaiting += frame.length;
    this.#queued++;
    if (callback !== undefined) this.#callbacks.push([callback, payload.length]);
  }

  /** Why a datagram cannot be sent. */
  #refusal(socket: Socket | undefined, payload: Buffer, address: Uint8Array, port: number) {
    if (socket === undefined || this.#isClosed) return notRunning();
    let errno: string;
    if (payload.length > maxPayload) errno = "EMSGSIZE";
    else if (socket.writableLength + this.#bytesWaiting > maxQueue) errno = "ENOBUFS";
    else return undefined;
    return networkError({ errno }, attemptTo(formatAddress(address), port));
  }

  #flush(): void {
    const [frames, callbacks] = [this.#frames, this.#callbacks];
    if (frames.length === 0) return;
    const bytes = frames.length === 1 ? frames[0] : Buffer.concat(frames, this.#bytesWaiting);
    this.#frames = [];
    this.#callbacks = [];
    this.#bytesWaiting = 0;
    this.#socket?.write(bytes ?? Buffer.alloc(0), (error) => {
      this.#queued -= frames.length;
      for (const [callback, length] of callbacks) callback(error ?? null, error ? 0 : length);
    });
  }

  async #resolve(name: string): Promise<string> {
    const family = this.#address?.address === "::" ? 0 : this.#address?.family === "IPv6" ? 6 : 4;
    const [address] = await this.#lookup(name, family);
    if (address === undefined) {
      throw networkError({ errno: "ENOTFOUND" }, { syscall: "getaddrinfo", hostname: name });
    }
    return address;
  }

  /**
   * Makes the socket send to one address, and receive from that alone. Emits "connect", and calls back, once the name
   * has been looked up.
   */
  connect(port: number, address?: string | (() => void), callback?: () => void): void {
    this.#requireOpen();
    if (this.#remote !== undefined) throw new Error("The socket is connected.");
    const host = typeof address === "string" ? address : this.#ownHost();
    const done = typeof address === "function" ? address : callback;
    const target = { address: host, port: checkPort(port) };
    if (done !== undefined) this.once("connect", done);
    void this.#connect(target);
  }

  async #connect({ address, port }: Target): Promise<void> {
    try {
      const found = isIP(address) === 0 ? await this.#resolve(address) : address;
      this.#remote = { address: found, port };
      this.emit("connect");
    } catch (error) {
      if (error instanceof Error) this.emit("error", error);
    }
  }

  /** Undoes connect(). */
  disconnect(): void {
    if (this.#remote === undefined) throw new Error("The socket is not connected.");
    this.#remote = undefined;
  }

  /** Where the socket is bound, inside the tunnel. */
  address(): AddressInfo {
    this.#requireOpen();
    return { address: "", family: "", port: 0, ...this.#address };
  }

  /** Where a connected socket sends to. */
  remoteAddress(): AddressInfo {
    if (this.#remote === undefined) throw new Error("The socket is not connected.");
    return { ...this.#remote, family: isIPv6(this.#remote.address) ? "IPv6" : "IPv4" };
  }

  /** How many bytes wait to be handed to the engine. */
  getSendQueueSize(): number {
    return (this.#socket?.writableLength ?? 0) + this.#bytesWaiting;
  }

  /** How many datagrams wait to be handed to the engine. */
  getSendQueueCount(): number {
    return this.#queued;
  }

  /** Closes the socket. What was sent before is still sent. */
  close(callback?: () => void): this {
    this.#requireOpen();
    if (callback !== undefined) this.once("close", callback);
    this.#end();
    return this;
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#station.leave(this.#member);
    if (this.#id !== undefined) this.#station.forgetDatagram(this.#id);
    this.#flush();
    const socket = this.#socket;
    socket?.once("close", () => this.emit("close"));
    socket?.destroySoon();
  }

  #lose(error: Error): void {
    if (this.#isClosed) return;
    this.#end();
    this.#socket?.destroy();
    if (this.listenerCount("error") > 0) this.emit("error", error);
  }

  #requireOpen(): void {
    if (this.#isClosed) throw notRunning();
  }

  /** Keeps the process alive while it is open, as it does from the beginning. */
  ref(): this {
    this.#socket?.ref();
    return this;
  }

  /** Lets the process end although it is open. */
  unref(): this {
    this.#socket?.unref();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => this.close(resolve));
  }
}

function isSent(value: unknown): value is Sent {
  return typeof value === "function";
}

function payloadOf(message: unknown): Buffer {
  if (typeof message === "string") return Buffer.from(message);
  if (ArrayBuffer.isView(message)) {
    return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  }
  if (Array.isArray(message)) {
    const parts: readonly unknown[] = message;
    return Buffer.concat(parts.map(payloadOf));
  }
  throw new TypeError("A message is a string, bytes, or a list of them.");
}

function checkPort(port: unknown): number {
  if (typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new RangeError(`The port is ${String(port)}: give a whole number from 1 to 65535.`);
}

function attemptTo(address: string, port: number): Attempt {
  return { syscall: "send", address, port };
}

function notRunning(): NetworkError {
  return networkError({ errno: "EBADF", message: "the socket is closed" }, { syscall: "send" });
}

/**
 * Binds a datagram socket inside the tunnel.
 * @throws NetworkError, such as EADDRINUSE; or the signal's reason
 */
export async function openDatagram(
  station: Station,
  lookup: NameLookup,
  request: DatagramRequest,
  signal: AbortSignal | undefined,
): Promise<TunnelDatagram> {
  signal?.throwIfAborted();
  const socket = create(station, lookup);
  await start(socket, request, signal);
  return socket;
}
