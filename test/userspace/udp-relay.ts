import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** Carries datagrams between two tunnels of this machine, and can do what happens to a path. */
export class UdpRelay implements Disposable {
  /** Whether all that arrives is lost. */
  isCut = false;
  /** How many datagrams were lost so. */
  lost = 0;
  #toNear: Socket;
  readonly #toFar: Socket;
  readonly #farPort: number;
  #nearPort: number | undefined;

  private constructor(toNear: Socket, toFar: Socket, farPort: number) {
    this.#toNear = toNear;
    this.#toFar = toFar;
    this.#farPort = farPort;
    this.#listen(toNear);
    toFar.on("message", (datagram) => {
      if (this.#isLost() || this.#nearPort === undefined) return;
      this.#toNear.send(datagram, this.#nearPort, "127.0.0.1");
    });
  }

  /** Leads to a tunnel that listens on a port of 127.0.0.1. */
  static async open(farPort: number): Promise<UdpRelay> {
    return new UdpRelay(await bind("127.0.0.1"), await bind("127.0.0.1"), farPort);
  }

  /** The port of 127.0.0.1 that stands for the far tunnel's at first. */
  get port(): number {
    return this.#toNear.address().port;
  }

  /** From now on what the far tunnel sends comes from another address and port, and only there it is reached. */
  async move(address: string): Promise<{ readonly address: string; readonly port: number }> {
    const old = this.#toNear;
    this.#toNear = await bind(address);
    this.#listen(this.#toNear);
    old.close();
    return { address, port: this.port };
  }

  #listen(socket: Socket): void {
    socket.on("message", (datagram, { port }) => {
      this.#nearPort = port;
      if (!this.#isLost()) this.#toFar.send(datagram, this.#farPort, "127.0.0.1");
    });
  }

  #isLost(): boolean {
    if (this.isCut) this.lost++;
    return this.isCut;
  }

  [Symbol.dispose](): void {
    this.#toNear.close();
    this.#toFar.close();
  }
}

async function bind(address: string): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  socket.on("error", () => {}); // a tunnel that is gone refuses datagrams, as it may
  socket.bind(0, address);
  await once(socket, "listening");
  return socket;
}
