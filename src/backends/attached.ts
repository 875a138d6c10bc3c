import { type FSWatcher, watch } from "node:fs";
import { untilAborted } from "../deadline.js";
import { hasCode } from "../errors.js";
import { socketDirectory } from "../trust.js";
import { exchangeOverSocket, requireServer, socketInode } from "../uapi/socket.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type { RunningTunnel, TunnelEnd } from "./backend.js";
import { endedError } from "./end.js";

/**
 * A tunnel that another program serves. Closing it does not end the tunnel. The program's end is noticed when its
 * socket disappears, or, if it was killed and left the socket, at the next exchange. (An open connection would notice
 * sooner, but boringtun accepts no changes while there is one.)
 */
export class AttachedTunnel implements RunningTunnel {
  readonly backend = "attached";
  readonly name: string;
  readonly ended: Promise<TunnelEnd>;
  readonly #watcher: FSWatcher | undefined;
  readonly #ending = new AbortController();
  #finish: (end: TunnelEnd) => void = () => {};
  #end: TunnelEnd | undefined;

  private constructor(name: string) {
    this.name = name;
    this.ended = new Promise((resolve) => {
      this.#finish = (end) => {
        this.#end ??= end;
        this.#watcher?.close();
        this.#ending.abort(endedError(this.#end));
        resolve(this.#end);
      };
    });
    const inode = socketInode(name);
    this.#watcher = watchSockets(() => {
      if (socketInode(name) !== inode) this.#finish(lost(name));
    });
  }

  /** Throws what requireServer throws. */
  static async to(name: string): Promise<AttachedTunnel> {
    await requireServer(checkInterfaceName(name));
    return new AttachedTunnel(name);
  }

  async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    if (this.#end !== undefined) throw endedError(this.#end);
    try {
      // A pending exchange rejects at the end. Its request is still sent: upstream's program would apply half of it.
      const answer = exchangeOverSocket(this.name, request, signal);
      return await untilAborted(answer, this.#ending.signal);
    } catch (error) {
      if (!hasCode(error, "WG_BRIDGE_CLOSED")) throw error;
      this.#finish(lost(this.name));
      throw endedError(await this.ended);
    }
  }

  /** The tunnel is the other program's. */
  abandon(): void {}

  async close(): Promise<void> {
    this.#finish({ reason: "closed", message: `This program has let go of ${this.name}.` });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Undefined if the kernel has no watch left for this user: the next exchange notices the end then. */
function watchSockets(changed: () => void): FSWatcher | undefined {
  try {
    return watch(socketDirectory, changed).on("error", () => {}); // as above
  } catch {
    return undefined;
  }
}

function lost(name: string): TunnelEnd {
  return { reason: "lost", message: `The program that served ${name} has ended.` };
}
