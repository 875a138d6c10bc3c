import { lstatSync, rmSync, unlinkSync } from "node:fs";
import { createConnection, type IpcNetConnectOpts, type OnReadOpts, Socket } from "node:net";
import { withDeadline } from "../deadline.js";
import { shortageError } from "../descriptors.js";
import { hasCode, systemCodeOf, WgBridgeError } from "../errors.js";
import { requireTrustedSocket, socketDirectory } from "../trust.js";
import { AnswerReader } from "./answer.js";
import { checkRequest } from "./request.js";

/** The maximum time for a UAPI exchange, in milliseconds. */
export const exchangeTimeout = 30_000;

/** Returns the path of an interface's UAPI socket. */
export function socketPath(name: string): string {
  return `${socketDirectory}/${name}.sock`;
}

/**
 * Reports whether a program accepts connections on the interface's socket. It also counts as served if this
 * user may not or should not connect, or if the queue of waiting connections is full.
 */
export async function isServed(name: string): Promise<boolean> {
  try {
    const connection = await connect(name);
    connection?.destroy();
    return connection !== undefined;
  } catch (error) {
    if (hasCode(error, ...servedCodes)) return true;
    throw error;
  }
}

/** Errors by which a program shows that it serves the socket. */
const servedCodes = ["WG_BRIDGE_PERMISSION", "WG_BRIDGE_UNTRUSTED", "WG_BRIDGE_TIMEOUT"] as const;

/**
 * Resolves if a program serves the interface.
 * @throws WgBridgeError WG_BRIDGE_CLOSED, WG_BRIDGE_PERMISSION, WG_BRIDGE_UNTRUSTED, or WG_BRIDGE_TIMEOUT
 *   if the queue of waiting connections is full
 */
export async function requireServer(name: string): Promise<void> {
  const connection = await connect(name);
  if (connection === undefined) throw notServedError(name);
  connection.destroy();
}

/** Returns the inode of the interface's socket: a different one belongs to a different program. */
export function socketInode(name: string): number | undefined {
  return inodeOf(socketPath(name));
}

function notServedError(name: string, cause?: unknown): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_CLOSED",
    `No WireGuard program serves ${name} at ${socketPath(name)}: start the tunnel first.`,
    { cause },
  );
}

/**
 * Sends one UAPI request to the program that serves the interface, and resolves with its answer, blank line
 * included. An answer with an errno is an answer, not a rejection. Both buffers are the caller's, to overwrite
 * if they hold keys.
 * @throws WgBridgeError WG_BRIDGE_CLOSED if nothing serves the socket; WG_BRIDGE_LOST if the connection ends
 *   without an answer; WG_BRIDGE_PERMISSION; WG_BRIDGE_UNTRUSTED if another user could serve it;
 *   WG_BRIDGE_TIMEOUT after 30 seconds; WG_BRIDGE_ENGINE for a request that is not UAPI; or the signal's reason
 */
export async function exchangeOverSocket(
  name: string,
  request: Uint8Array,
  signal?: AbortSignal,
): Promise<Buffer> {
  const checked = checkRequest(request);
  return withDeadline(`A UAPI exchange with ${name}`, exchangeTimeout, signal, (either) =>
    transact(name, checked, either),
  );
}

/**
 * A connection that can still be read after a failed write. The engine hangs up after a bad line, so that
 * writing the rest of a long request fails; but its answer has arrived already.
 */
export class UapiConnection extends Socket {
  override _write(
    chunk: unknown,
    encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    super._write(chunk, encoding, (error) => callback(isHangUp(error) ? null : error));
  }
}

function isHangUp(error: unknown): boolean {
  return ["EPIPE", "ECONNRESET"].includes(systemCodeOf(error) ?? "");
}

/** Reads into one buffer of ours, to be overwritten. Node.js would free its own buffers with the keys in them. */
export function intoOwnBuffer(take: (piece: Buffer) => void): OnReadOpts {
  const buffer = Buffer.allocUnsafe(65_536);
  const callback = (length: number) => {
    take(buffer.subarray(0, length));
    return true;
  };
  return { buffer, callback };
}

function transact(name: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    requireTrustedSocket(socketDirectory, socketPath(name));
    const answer = new AnswerReader();
    const take = (piece: Buffer) => {
      const whole = answer.push(Buffer.from(piece));
      piece.fill(0); // it may hold private keys
      if (whole === undefined) return;
      resolve(whole);
      socket.destroy();
    };
    const path = socketPath(name);
    const options: IpcNetConnectOpts = { path, signal, onread: intoOwnBuffer(take) };
    const socket = new UapiConnection(options);
    socket.connect(options, () => socket.write(request));
    // Once there is an answer, neither of these changes the promise.
    socket.on("error", (error) => reject(socketError(name, error)));
    socket.on("close", () => {
      answer.discard();
      reject(
        new WgBridgeError(
          "WG_BRIDGE_LOST",
          `The program that serves ${name} hung up without an answer: it ended, or it does not take this request.`,
        ),
      );
    });
  });
}

function socketError(name: string, error: Error): Error {
  switch (systemCodeOf(error)) {
    case "ENOENT":
    case "ECONNREFUSED":
      return notServedError(name, error);
    case "EACCES":
    case "EPERM":
      return new WgBridgeError(
        "WG_BRIDGE_PERMISSION",
        `The UAPI socket ${socketPath(name)} may not be opened by this user: run as root.`,
        { cause: error },
      );
    case "ERR_ACCESS_DENIED":
      return new WgBridgeError(
        "WG_BRIDGE_PERMISSION",
        `The UAPI socket ${socketPath(name)} may not be opened: Node.js's permission model forbids it. Start node with --allow-net.`,
        { cause: error },
      );
    case "EAGAIN":
      return new WgBridgeError(
        "WG_BRIDGE_TIMEOUT",
        `The program that serves ${name} takes no connections, and no more can wait: it is stopped, or it hangs. Let it go on, or start the tunnel anew.`,
        { cause: error },
      );
    case "ECONNRESET":
    case "EPIPE":
      return new WgBridgeError(
        "WG_BRIDGE_LOST",
        `The program that serves ${name} ended during a UAPI exchange: start the tunnel anew.`,
        { cause: error },
      );
    default:
      return shortageError(`Connecting to ${socketPath(name)}`, error) ?? error;
  }
}

/**
 * Resolves with true once nothing serves the interface's socket, and with false if a program still does after
 * so many milliseconds. A name may be reused while the program that served it is ending; that program then
 * hangs up on us.
 */
export async function waitUntilFree(name: string, milliseconds: number): Promise<boolean> {
  const connection = await connectIfTaken(name);
  if (connection === undefined) return true;
  if (connection === "full") return false;
  return new Promise((resolve) => {
    const timer = setTimeout(() => connection.destroy(), milliseconds);
    let hungUp = false;
    connection.on("end", () => {
      hungUp = true;
    });
    connection.on("error", () => {
      hungUp = true;
    });
    connection.on("close", () => {
      clearTimeout(timer);
      resolve(hungUp);
    });
    connection.resume();
  });
}

/**
 * Removes the interface's socket if it exists and nothing serves it. One that may not be removed stays: it does no
 * harm, and its error would hide why the tunnel ended.
 */
export async function removeDeadSocket(name: string): Promise<void> {
  const path = socketPath(name);
  try {
    const before = inodeOf(path);
    if (before === undefined) return;
    const connection = await connectIfTaken(name);
    if (connection === "full") return;
    if (connection !== undefined) connection.destroy();
    else if (inodeOf(path) === before) unlinkSync(path);
  } catch {} // as above
}

/** Removes the interface's socket, for an owner that is about to end and cannot wait. */
export function removeSocketNow(name: string): void {
  rmSync(socketPath(name), { force: true });
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** As connect, but resolves with "full" if the queue of waiting connections is full. */
async function connectIfTaken(name: string): Promise<Socket | "full" | undefined> {
  try {
    return await connect(name);
  } catch (error) {
    if (hasCode(error, "WG_BRIDGE_TIMEOUT")) return "full";
    throw error;
  }
}

/**
 * Connects to the interface's socket; resolves with undefined if nothing serves it. That takes no time: the
 * kernel connects before the program accepts, or refuses at once.
 */
function connect(name: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    requireTrustedSocket(socketDirectory, socketPath(name));
    const socket = createConnection({ path: socketPath(name) });
    socket.once("connect", () => {
      socket.removeListener("error", fail);
      resolve(socket);
    });
    socket.once("error", fail);
    function fail(error: Error): void {
      // ECONNRESET: its program stopped listening while we waited to be accepted.
      const isFree = ["ENOENT", "ECONNREFUSED", "ECONNRESET"].includes(systemCodeOf(error) ?? "");
      if (isFree) resolve(undefined);
      else reject(socketError(name, error));
    }
  });
}
