import { type AllowedIp, allowedIp, canonicalAllowedIp } from "../values/allowed-ip.js";
import { isCanonicalIPv4Endpoint, isCanonicalPrefix } from "../values/canonical.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { keyBytes, type PublicKey, publicKeyFromBytes } from "../values/key.js";
import { keyName } from "./key-name.js";
import { uapiError } from "./lines.js";
import type { SecretStore } from "./secrets.js";

const equalsSign = 0x3d;
const colonSign = 0x3a;

/** One "key=value" line. It is used for one line after another, and keeps nothing. */
export class Field {
  key = "";
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /**
   * Takes the line from start to end.
   * @throws WgBridgeError WG_BRIDGE_UAPI for a line without "="
   */
  read(bytes: Buffer, start: number, end: number): this {
    let equals = start;
    while (equals < end && bytes[equals] !== equalsSign) equals++;
    if (equals === end) throw uapiError('a line has no "="');
    this.key = keyName(bytes, start, equals);
    this.#bytes = bytes;
    this.#start = equals + 1;
    this.#end = end;
    return this;
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
    if (this.#end - this.#start === 1 && this.#bytes[this.#start] === 0x30) return 0n;
    if (this.#end - this.#start <= 15) return BigInt(this.number(Number.MAX_SAFE_INTEGER));
    const text = this.text();
    const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
    if (value >= 0n && value < 2n ** 64n) return value;
    throw this.#error("is not a number of 64 bits");
  }

  publicKey(): PublicKey {
    this.#decodeKey(scratch, 0);
    return publicKeyFromBytes(scratch);
  }

  /** Decodes a key into the store's next place. False for zeros, which mean that there is none. */
  secret(store: SecretStore): boolean {
    store.advance();
    return this.#decodeKey(store.buffer, store.start);
  }

  /** Whether any byte is not zero. */
  #decodeKey(key: Buffer, start: number): boolean {
    if (this.#end - this.#start !== 2 * keyBytes) throw this.#error("is not 64 hexadecimal digits");
    let any = 0;
    let at = this.#start;
    for (let index = 0; index < keyBytes; index++) {
      const high = nibbles[this.#bytes[at++] ?? 0] ?? -1;
      const low = nibbles[this.#bytes[at++] ?? 0] ?? -1;
      const byte = (high << 4) | low;
      if (byte < 0) throw this.#error("is not 64 hexadecimal digits");
      key[start + index] = byte;
      any |= byte;
    }
    return any !== 0;
  }

  endpoint(): Endpoint {
    if (!isCanonicalIPv4Endpoint(this.#bytes, this.#start, this.#end)) {
      return parseEndpoint(this.text());
    }
    let colon = this.#start;
    while (this.#bytes[colon] !== colonSign) colon++;
    const host = this.#bytes.toString("latin1", this.#start, colon);
    this.#start = colon + 1;
    return { host, port: this.number(65_535) };
  }

  allowedIp(): AllowedIp {
    return isCanonicalPrefix(this.#bytes, this.#start, this.#end)
      ? canonicalAllowedIp(this.#bytes, this.#start, this.#end)
      : allowedIp(this.text());
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

/** For public keys alone: it is not overwritten. */
const scratch = Buffer.alloc(keyBytes);

/** The value of each hexadecimal digit by its character code, -1 for any other. */
const nibbles = Int8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? -1 : value;
});
