import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { loadPackage } from "./packages.js";

/** What of PGlite is used here. */
interface Database {
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The code of the request for TLS, in place of a version of the protocol. */
const tlsRequest = 80_877_103;

/** A PostgreSQL server, of PGlite. Its clients come one after another. Source: PostgreSQL, "Message Formats". */
export class Postgres implements AsyncDisposable {
  readonly server: Server = createServer((socket) => void this.#serve(socket));
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async start(): Promise<Postgres> {
    const module = loadPackage("@electric-sql/pglite");
    assert.ok(hasPglite(module));
    return new Postgres(await module.PGlite.create());
  }

  async #serve(socket: Socket): Promise<void> {
    let isStarted = false;
    let left: Buffer = Buffer.alloc(0);
    try {
      for await (const piece of socket) {
        left = Buffer.concat([left, piece]);
        for (;;) {
          // The first message of a connection has no type.
          const type = isStarted ? 1 : 0;
          if (left.length < type + 4 || left.length < type + left.readUInt32BE(type)) break;
          const message = left.subarray(0, type + left.readUInt32BE(type));
          left = left.subarray(message.length);
          if (!isStarted && message.readUInt32BE(4) === tlsRequest) {
            socket.write("N");
          } else {
            isStarted = true;
            socket.write(await this.#database.execProtocolRaw(message));
          }
        }
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.close();
  }
}

function hasPglite(
  module: unknown,
): module is { readonly PGlite: { create(): Promise<Database> } } {
  return typeof module === "object" && module !== null && "PGlite" in module;
}
