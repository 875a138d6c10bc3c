import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import type { UserspaceTunnel } from "../../src/userspace/tunnel.js";

/** A userspace tunnel, and what is behind it. */
export interface Site extends AsyncDisposable {
  readonly tunnel: UserspaceTunnel;
  /** The address of what is behind it, and the tunnel's own. */
  readonly farAddress: string;
  readonly nearAddress: string;
  /** Serves TCP behind the tunnel, and resolves with the port. */
  serve(handle: (socket: Socket) => void): Promise<number>;
  /** Hands the connections behind the tunnel to a server, such as that of node:http. */
  attach(server: Server): Promise<number>;
  /** Connects from behind the tunnel to a port of it. */
  dial(port: number): Socket;
  /** Answers each datagram to a port behind the tunnel with the same payload. */
  echoDatagrams(): Promise<number>;
}

/**
 * Resolves with the SHA-256 and the length of all that a socket reads to its end. Not by `for await`, which then destroys
 * a socket that still writes.
 */
export function digest(socket: Socket): Promise<{ hash: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.on("data", (piece: Buffer) => {
      hash.update(piece);
      bytes += piece.length;
    });
    socket.resume(); // it may have been paused
    socket.once("end", () => resolve({ hash: hash.digest("hex"), bytes }));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`It was closed after ${bytes} bytes.`)));
  });
}

/** Writes so many bytes, as the socket takes them, and ends it. Resolves with their SHA-256. */
export async function sendAll(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  const block = randomBytes(1 << 20);
  for (let left = bytes; left > 0; left -= block.length) {
    const piece = Buffer.from(block.subarray(0, Math.min(left, block.length)));
    piece.writeUInt32BE(left);
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, "drain");
  }
  socket.end();
  return hash.digest("hex");
}

/** Resolves with the error that a socket or server emits. */
export async function errorOf(emitter: NodeJS.EventEmitter): Promise<unknown> {
  const [error] = await once(emitter, "error");
  return error;
}
