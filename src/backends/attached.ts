import type { Socket } from "node:net";
import { checkInterfaceName } from "../interface-name.js";
import { exchangeOverSocket, watchServer } from "../uapi/socket.js";
import type { RunningTunnel, TunnelEnd } from "./backend.js";
import { endedError } from "./tunnel-end.js";

/** A tunnel that another program serves. Closing it only lets go of it. */
export class AttachedTunnel implements RunningTunnel {
  readonly backend = "attached";
  readonly name: string;
  readonly ended: Promise<TunnelEnd>;
  readonly #watched: Socket;
  #end: TunnelEnd | undefined;

  private constructor(name: string, watched: Socket) {
    this.name = name;
    this.#watched = watched;
    watched.resume();
    watched.on("error", () => {}); // "close" follows
    this.ended = new Promise((resolve) => {
      watched.on("close", () => {
        this.#end ??= lost(name);
        resolve(this.#end);
      });
    });
  }

  /** Throws what watchServer throws. */
  static async to(name: string): Promise<AttachedTunnel> {
    return new AttachedTunnel(name, await watchServer(checkInterfaceName(name)));
  }

  async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    if (this.#end !== undefined) throw endedError(this.#end);
    return exchangeOverSocket(this.name, request, signal);
  }

  /** The tunnel is the other program's. */
  abandon(): void {}

  async close(): Promise<void> {
    this.#end ??= { reason: "closed", message: `This program has let go of ${this.name}.` };
    this.#watched.destroy();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function lost(name: string): TunnelEnd {
  return { reason: "lost", message: `The program that served ${name} has ended.` };
}
