import { formatAddress } from "../values/address.js";
import { frameError } from "./frames.js";

// On a datagram's connection each frame is a length of 2 bytes, then so many bytes: the length of the address (4 or
// 16), the address, the port, the payload. Numbers have their most significant byte first.

const lengthSize = 2;
const portSize = 2;

/** The maximum payload of a UDP datagram in bytes: what fits into an IPv4 packet. */
export const maxPayload = 65_507;

/** A datagram's other end, and what it carries. */
export interface Datagram {
  readonly address: string;
  readonly family: "IPv4" | "IPv6";
  readonly port: number;
  readonly payload: Buffer;
}

/** Returns a frame, which has a copy of the payload. */
export function encodeDatagram(address: Uint8Array, port: number, payload: Uint8Array): Buffer {
  const start = lengthSize + 1 + address.length + portSize;
  const frame = Buffer.allocUnsafe(start + payload.length);
  const length = frame.length - lengthSize;
  // In single bytes: the methods for numbers check their arguments, for each datagram.
  frame[0] = length >> 8;
  frame[1] = length;
  frame[2] = address.length;
  frame.set(address, 3);
  frame[start - 2] = port >> 8;
  frame[start - 1] = port;
  frame.set(payload, start);
  return frame;
}

/** Splits bytes that arrive in pieces into datagrams. */
export class DatagramReader {
  #rest: Buffer = Buffer.alloc(0);
  // Of the latest datagram: the next one mostly comes from there as well.
  #bytes: Buffer = Buffer.alloc(0);
  #address = "";

  /**
   * Adds the next piece, and returns the datagrams that are complete. Their payloads are parts of the piece.
   * @throws WgBridgeError WG_BRIDGE_ENGINE for a frame that is not one
   */
  push(piece: Buffer): readonly Datagram[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const datagrams: Datagram[] = [];
    let at = 0;
    while (bytes.length - at >= lengthSize) {
      const start = at + lengthSize;
      const end = start + numberAt(bytes, at);
      if (bytes.length < end) break;
      datagrams.push(this.#datagramOf(bytes, start, end));
      at = end;
    }
    this.#rest = at === bytes.length ? nothing : bytes.subarray(at);
    return datagrams;
  }

  #datagramOf(bytes: Buffer, start: number, end: number): Datagram {
    const size = start < end ? bytes[start] : 0;
    const from = start + 1;
    if ((size !== 4 && size !== 16) || end - from < size + portSize) {
      throw frameError("a datagram has no address");
    }
    const portAt = from + size;
    return {
      address: this.#addressOf(bytes, from, portAt),
      family: size === 4 ? "IPv4" : "IPv6",
      port: numberAt(bytes, portAt),
      payload: bytes.subarray(portAt + portSize, end),
    };
  }

  #addressOf(bytes: Buffer, start: number, end: number): string {
    const known = this.#bytes;
    let same = known.length === end - start;
    for (let at = 0; same && at < known.length; at++) same = known[at] === bytes[start + at];
    if (!same) {
      this.#bytes = Buffer.from(bytes.subarray(start, end)); // a copy, which does not keep the piece
      this.#address = formatAddress(this.#bytes);
    }
    return this.#address;
  }
}

const nothing = Buffer.alloc(0);

function numberAt(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
