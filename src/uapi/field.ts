import type { AllowedIp } from "../values/allowed-ip.js";
import { allowedIp } from "../values/allowed-ip.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { keyBytes, type PublicKey, publicKeyFromBytes } from "../values/key.js";
import { uapiError } from "./lines.js";

/** One "key=value" line. The value is the bytes from start to end. */
export class Field {
  readonly key: string;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  /** @throws WgBridgeError WG_BRIDGE_UAPI for a line without "=" */
  constructor(bytes: Buffer, start: number, end: number) {
    const equals = bytes.indexOf(0x3d, start);
    if (equals === -1 || equals >= end) throw uapiError('a line has no "="');
    this.key = bytes.toString("latin1", start, equals);
    this.#bytes = bytes;
    this.#start = equals + 1;
    this.#end = end;
  }

  /** The value as text. Not for keys. */
  text(): string {
    return this.#bytes.toString("utf8", this.#start, this.#end);
  }

  /** A whole number from 0 to most, which must be exact as a number. */
  number(most: number): number {
    const length = this.#end - this.#start;
    let value = length >= 1 && length <= 16 ? 0 : Number.NaN;
    for (let at = this.#start; at < this.#end; at++) {
      const digit = (this.#bytes[at] ?? 0) - 0x30;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
    }
    if (value <= most) return value;
    throw this.#error(`is not a whole number from 0 to ${most}`);
  }

  /** A counter of bytes: 64 bits without a sign. */
  counter(): bigint {
    if (this.#end - this.#start <= 15) return BigInt(this.number(Number.MAX_SAFE_INTEGER));
    const text = this.text();
    const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
    if (value >= 0n && value < 2n ** 64n) return value;
    throw this.#error("is not a number of 64 bits");
  }

  publicKey(): PublicKey {
    const bytes = this.keyBytes();
    return bytes === undefined ? allZeros : publicKeyFromBytes(bytes);
  }

  /** The key's 32 bytes in a buffer of its own; undefined for zeros, which mean that there is none. */
  keyBytes(): Buffer | undefined {
    if (this.#end - this.#start !== 2 * keyBytes) throw this.#error("is not 64 hexadecimal digits");
    const key = Buffer.alloc(keyBytes);
    let any = 0;
    for (let index = 0; index < keyBytes; index++) {
      const at = this.#start + 2 * index;
      const high = nibbles[this.#bytes[at] ?? 0] ?? -1;
      const low = nibbles[this.#bytes[at + 1] ?? 0] ?? -1;
      if ((high | low) < 0) throw this.#error("is not 64 hexadecimal digits");
      key[index] = (high << 4) | low;
      any |= high | low;
    }
    return any === 0 ? undefined : key;
  }

  endpoint(): Endpoint {
    return parseEndpoint(this.text());
  }

  allowedIp(): AllowedIp {
    return allowedIp(this.text());
  }

  /** "true", the only value that a switch can have. */
  isTrue(): true {
    if (this.text() === "true") return true;
    throw this.#error('is not "true"');
  }

  #error(fault: string): Error {
    return uapiError(`the value of ${this.key.slice(0, 40)} ${fault}`);
  }
}

const allZeros = publicKeyFromBytes(Buffer.alloc(keyBytes));

/** The value of each hexadecimal digit by its character code, -1 for any other. */
const nibbles = Int8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? -1 : value;
});
