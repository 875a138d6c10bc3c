import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { exchangeOverSocket, socketPath } from "../../src/uapi/socket.js";

/** A client of an interface's UAPI socket that begins something and does not go on. */
export class Holder implements Disposable {
  readonly #connection: Socket;

  private constructor(connection: Socket) {
    this.#connection = connection;
  }

  /** Sends half a set. Upstream's program, which reads it line by line, then answers nobody else. */
  static async halfASet(name: string): Promise<Holder> {
    const holder = await Holder.#connect(name);
    holder.#connection.write("set=1\nfwmark=7\n");
    return holder;
  }

  /** Asks for an answer of megabytes, and reads nothing of it but its start. */
  static async deaf(name: string): Promise<Holder> {
    const peers = Array.from({ length: 4000 }, (_, n) => (n + 1).toString(16).padStart(64, "0"));
    const lines = peers.map((peer) => `public_key=${peer}\n`).join("");
    const set = await exchangeOverSocket(name, Buffer.from(`set=1\n${lines}\n`));
    assert.equal(set.toString(), "errno=0\n\n");
    const holder = await Holder.#connect(name);
    holder.#connection.pause();
    holder.#connection.write("get=1\n\n");
    await once(holder.#connection, "readable");
    return holder;
  }

  static async #connect(name: string): Promise<Holder> {
    const connection = connect(socketPath(name));
    connection.on("error", () => {}); // the program may end before it
    await once(connection, "connect");
    return new Holder(connection);
  }

  [Symbol.dispose](): void {
    this.#connection.destroy();
  }
}
