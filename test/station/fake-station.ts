import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, isIP, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { DatagramReader, encodeDatagram } from "../../src/station/datagram-frames.js";
import {
  encodeFrame,
  FrameReader,
  type Message,
  numberIn,
  textIn,
} from "../../src/station/frames.js";
import { parseAddress } from "../../src/values/address.js";

/** What every name is inside the "tunnel". */
const names: Readonly<Record<string, readonly string[]>> = {
  "server.tunnel": ["127.0.0.1"],
  "both.tunnel": ["::1", "127.0.0.1"],
  "six.tunnel": ["::1"],
};

interface Stream {
  readonly far: Socket;
  leg?: Socket;
}

/**
 * A station without an engine: what it opens is real TCP and UDP on loopback, and a route that does not exist is refused
 * as by allowed IPs. It speaks the protocol with the library's own codec, and everything else is its own.
 */
export class FakeStation implements AsyncDisposable {
  readonly path: string;
  /** The requests on the control channel, but for ack and option. */
  readonly requests: Message[] = [];
  /** Runs instead of the station's own answer to a connection's first request; true: it was answered. */
  intercept: (request: Message, leg: Socket) => boolean = () => false;
  /** Keeps the ends of failed streams back until they are acknowledged. */
  readonly #acks = new Map<number, () => void>();
  readonly #directory: string;
  readonly #server: Server;
  readonly #legs = new Set<Socket>();
  readonly #streams = new Map<number, Stream>();
  readonly #listeners = new Map<number, Server>();
  #control: Socket | undefined;
  #last = 0;
  #isDead = false;

  private constructor() {
    this.#directory = mkdtempSync(`${tmpdir()}/fake-station-`);
    this.path = `${this.#directory}/station`;
    this.#server = createServer({ allowHalfOpen: true }, (leg) => this.#serve(leg));
  }

  static async open(): Promise<FakeStation> {
    const station = new FakeStation();
    station.#server.listen(station.path);
    await once(station.#server, "listening");
    return station;
  }

  /** Sends an event to the client. */
  tell(event: Message): void {
    this.#control?.write(encodeFrame(event));
  }

  /** Writes bytes that need not be a frame on the control channel. */
  write(bytes: Uint8Array): void {
    this.#control?.write(bytes);
  }

  /**
   * Hangs up on the client, as an engine that was killed. The kernel closes a process's connections one by one: here the
   * control channel is the last. Nobody answers on it any more.
   */
  kill(): void {
    this.#isDead = true;
    for (const leg of this.#legs) if (leg !== this.#control) leg.destroy();
    for (const { far } of this.#streams.values()) far.destroy();
    setTimeout(() => this.#control?.destroy(), 20);
  }

  #serve(leg: Socket): void {
    this.#legs.add(leg);
    leg.on("error", () => {});
    leg.on("close", () => this.#legs.delete(leg));
    const frames = new FrameReader();
    const read = (piece: Buffer) => {
      frames.push(piece);
      const request = frames.next();
      if (request === undefined) return;
      leg.off("data", read).pause();
      if (this.intercept(request, leg)) return;
      this.#begin(request, leg, frames.rest());
    };
    leg.on("data", read);
  }

  #begin(request: Message, leg: Socket, rest: Buffer): void {
    if (rest.length > 0) leg.unshift(rest);
    switch (request.kind) {
      case "control":
        this.#serveControl(leg);
        return;
      case "connect":
        void this.#connect(request, leg);
        return;
      case "accept":
        this.#accept(numberIn(request, "stream") ?? 0, leg);
        return;
      case "datagram":
        this.#bind(request, leg);
        return;
      default:
        leg.end(encodeFrame({ errno: "EPROTO", message: "unknown kind" }));
    }
  }

  #serveControl(leg: Socket): void {
    this.#control = leg;
    leg.write(encodeFrame({}));
    const frames = new FrameReader();
    leg.on("data", (piece: Buffer) => {
      frames.push(piece);
      for (let request = frames.next(); request !== undefined; request = frames.next()) {
        this.#answer(request);
      }
    });
    leg.on("end", () => leg.end());
    leg.resume();
  }

  #answer(request: Message): void {
    if (this.#isDead) return;
    const id = numberIn(request, "id");
    const stream = numberIn(request, "stream") ?? 0;
    const done = (fields: Message = {}) => this.tell({ id, ...fields });
    if (request.kind === "ack") {
      this.#acks.get(stream)?.();
      return;
    }
    if (request.kind !== "option" || "noDelay" in request || "keepAlive" in request) {
      this.requests.push(request);
    }
    switch (request.kind) {
      case "network":
        done();
        return;
      case "option":
        if (this.#streams.has(stream)) done();
        else done({ errno: "EBADF", message: "no such stream" });
        return;
      case "reset":
        this.#streams.get(stream)?.far.resetAndDestroy();
        done();
        return;
      case "lookup": {
        const found = addressesOf(textIn(request, "name") ?? "", numberIn(request, "family") ?? 0);
        if (found.length > 0) done({ addresses: found });
        else done({ errno: "ENOTFOUND", message: "no such name" });
        return;
      }
      case "listen":
        this.#listen(request, id ?? 0);
        return;
      case "unlisten": {
        this.#listeners.get(numberIn(request, "listener") ?? 0)?.close();
        done();
        return;
      }
      case "ping":
        done({ address: request.address, milliseconds: 0.5 });
        return;
      case "stats":
        done({ streams: this.#streams.size, received: 5, sent: 6, memory: 7 });
        return;
      default:
        done({ errno: "EPROTO", message: "unknown kind" });
    }
  }

  async #connect(request: Message, leg: Socket): Promise<void> {
    const host = textIn(request, "host") ?? "";
    const port = numberIn(request, "port") ?? 0;
    const [address] = addressesOf(host, numberIn(request, "family") ?? 0);
    const refuse = (errno: string, message: string) => leg.end(encodeFrame({ errno, message }));
    if (address === undefined) return void refuse("ENOTFOUND", "no server knows it");
    if (!address.startsWith("127.") && address !== "::1") {
      return void refuse("EHOSTUNREACH", `no peer's allowed IPs hold ${address}: 127.0.0.0/8`);
    }
    const far = connect({ host: address, port, allowHalfOpen: true });
    const refused = (error: NodeJS.ErrnoException) => refuse(error.code ?? "EIO", error.message);
    far.once("error", refused);
    leg.once("close", () => far.destroy());
    far.once("connect", () => {
      far.off("error", refused);
      const id = this.#add(far);
      leg.write(encodeFrame({ id, ...endsOf(far) }));
      this.#carry(id, leg);
    });
  }

  #add(far: Socket): number {
    const id = ++this.#last;
    this.#streams.set(id, { far });
    far.on("error", (error: NodeJS.ErrnoException) => this.#fail(id, error.code ?? "EIO"));
    far.on("close", () => this.#streams.delete(id));
    return id;
  }

  /** The stream's leg ends only once the client knows why. */
  #fail(id: number, errno: string): void {
    const leg = this.#streams.get(id)?.leg;
    this.#acks.set(id, () => {
      this.#acks.delete(id);
      leg?.end();
    });
    this.tell({ event: "failed", stream: id, errno, message: "" });
  }

  #carry(id: number, leg: Socket): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.leg = leg;
    const { far } = stream;
    far.on("data", (piece: Buffer) => {
      if (leg.write(piece)) return;
      far.pause();
      leg.once("drain", () => far.resume());
    });
    far.on("end", () => leg.end());
    far.resume();
    leg.pipe(far);
    leg.on("close", () => {
      if (!far.writableEnded) far.resetAndDestroy();
    });
  }

  #accept(id: number, leg: Socket): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      leg.end(encodeFrame({ errno: "ECONNABORTED", message: "it is gone" }));
      return;
    }
    leg.write(encodeFrame({ id, ...endsOf(stream.far) }));
    this.#carry(id, leg);
  }

  #listen(request: Message, id: number): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (far) => {
      const stream = this.#add(far);
      const { remoteAddress: address, remotePort: port } = far;
      this.tell({ event: "incoming", listener: id, stream, address, port });
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      this.tell({ id, errno: error.code ?? "EIO", message: "" });
    });
    server.listen(numberIn(request, "port"), textIn(request, "address") ?? "127.0.0.1", () => {
      this.#listeners.set(id, server);
      this.tell({ id, listener: id, ...addressOf(server) });
    });
  }

  #bind(request: Message, leg: Socket): void {
    const udp = createSocket("udp4");
    udp.once("error", (error: NodeJS.ErrnoException) => {
      leg.end(encodeFrame({ errno: error.code ?? "EIO", message: "" }));
    });
    udp.bind(numberIn(request, "port"), "127.0.0.1", () => {
      const { address, port } = udp.address();
      leg.write(encodeFrame({ id: ++this.#last, address, port }));
      relay(udp, leg);
    });
    leg.on("close", () => udp.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#listeners.values()) server.close();
    this.kill();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
    rmSync(this.#directory, { recursive: true });
  }
}

function relay(udp: UdpSocket, leg: Socket): void {
  udp.on("message", (payload, { address, port }) => {
    const bytes = parseAddress(address);
    if (bytes === undefined) return;
    leg.write(encodeDatagram(bytes, port, payload));
  });
  const datagrams = new DatagramReader();
  leg.on("data", (piece: Buffer) => {
    for (const { address, port, payload } of datagrams.push(piece)) {
      udp.send(payload, port, address);
    }
  });
  leg.on("end", () => leg.end());
  leg.resume();
}

function addressesOf(name: string, family: number): readonly string[] {
  const found = isIP(name) === 0 ? (names[name] ?? []) : [name];
  return found.filter((address) => family === 0 || isIP(address) === family);
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Message {
  return { localAddress, localPort, remoteAddress, remotePort };
}

function addressOf(server: Server): Message {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return {};
  const { address, port }: AddressInfo = bound;
  return { address, port };
}
