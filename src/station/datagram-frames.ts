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
  readonly port: number;
  readonly payload: Buffer;
}

/** Returns the two parts of a frame, its header and its payload, which is not copied. */
export function encodeDatagram(
  address: Uint8Array,
  port: number,
  payload: Uint8Array,
): readonly [Buffer, Uint8Array] {
  const length = 1 + address.length + portSize + payload.length;
  const header = Buffer.allocUnsafe(lengthSize + 1 + address.length + portSize);
  let at = header.writeUInt16BE(length);
  at = header.writeUInt8(address.length, at);
  header.set(address, at);
  header.writeUInt16BE(port, at + address.length);
  return [header, payload];
}

/** Splits bytes that arrive in pieces into datagrams. */
export class DatagramReader {
  #bytes: Buffer = Buffer.alloc(0);

  /**
   * Adds the next piece, and returns the datagrams that are complete. Their payloads are parts of the piece.
   * @throws WgBridgeError WG_BRIDGE_ENGINE for a frame that is not one
   */
  push(piece: Buffer): readonly Datagram[] {
    const bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
    const datagrams: Datagram[] = [];
    let at = 0;
    while (bytes.length - at >= lengthSize) {
      const start = at + lengthSize;
      const end = start + bytes.readUInt16BE(at);
      if (bytes.length < end) break;
      datagrams.push(datagramOf(bytes.subarray(start, end)));
      at = end;
    }
    this.#bytes = bytes.subarray(at);
    return datagrams;
  }
}

function datagramOf(frame: Buffer): Datagram {
  const size = frame[0];
  const start = 1 + (size ?? 0) + portSize;
  if ((size !== 4 && size !== 16) || frame.length < start) {
    throw frameError("a datagram has no address");
  }
  return {
    address: formatAddress(frame.subarray(1, 1 + size)),
    port: frame.readUInt16BE(1 + size),
    payload: frame.subarray(start),
  };
}
