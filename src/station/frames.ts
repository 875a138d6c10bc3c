import { WgBridgeError } from "../errors.js";

// The station is the Unix socket over which an engine in userspace mode offers its network. Everything that is not a
// stream's own bytes is a frame: a length of 4 bytes, most significant first, and so many bytes of JSON.

/** The version of the protocol. */
export const protocolVersion = 1;

/** The maximum length of a frame's JSON in bytes. */
export const maxFrameLength = 65_536;

const headerLength = 4;

/** What a frame holds: a JSON object. */
export type Message = Readonly<Record<string, unknown>>;

/**
 * Writes a frame. Fields that are undefined are left out.
 * @throws WgBridgeError WG_BRIDGE_VALUE if it is too long
 */
export function encodeFrame(message: Message): Buffer {
  const json = JSON.stringify(message);
  const length = Buffer.byteLength(json);
  if (length > maxFrameLength) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      `A request to the engine has ${length} bytes, and may have ${maxFrameLength}: give shorter names, or fewer.`,
    );
  }
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame.writeUInt32BE(length);
  frame.write(json, headerLength);
  return frame;
}

/** Splits bytes that arrive in pieces into frames. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** Adds the next piece. */
  push(piece: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
  }

  /**
   * Takes the next frame, or returns undefined until all of it has arrived.
   * @throws WgBridgeError WG_BRIDGE_ENGINE if it is too long, or not a JSON object
   */
  next(): Message | undefined {
    if (this.#bytes.length < headerLength) return undefined;
    const length = this.#bytes.readUInt32BE();
    if (length > maxFrameLength) throw frameError(`a frame has ${length} bytes`);
    const end = headerLength + length;
    if (this.#bytes.length < end) return undefined;
    const json = this.#bytes.toString("utf8", headerLength, end);
    this.#bytes = this.#bytes.subarray(end);
    return messageOf(json);
  }

  /** Takes what has arrived after the last frame. */
  rest(): Buffer {
    const rest = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return rest;
  }
}

function messageOf(json: string): Message {
  const value = parse(json);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw frameError("a frame is not a JSON object");
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw frameError("a frame is not JSON");
  }
}

/** The error for an engine that breaks the protocol. */
export function frameError(problem: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_ENGINE",
    `The engine does not speak this package's protocol: ${problem}. Use the engine of the same release, and open the tunnel anew.`,
  );
}

// Readers of a message's fields: what the engine says is checked as what a program says is.

/** Returns a field that is a string. */
export function textIn(message: Message, field: string): string | undefined {
  const value = message[field];
  return typeof value === "string" ? value : undefined;
}

/** Returns a field that is a whole number from 0 on. */
export function numberIn(message: Message, field: string): number | undefined {
  const value = message[field];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Returns a field that is a list of strings; empty if it is anything else. */
export function textsIn(message: Message, field: string): readonly string[] {
  const value = message[field];
  if (!Array.isArray(value)) return [];
  const given: readonly unknown[] = value;
  return given.filter((one) => typeof one === "string");
}
