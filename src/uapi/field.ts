import { type AllowedIp, allowedIp, canonicalAllowedIp } from "../values/allowed-ip.js";
import { isCanonicalIPv4Endpoint, isCanonicalPrefix } from "../values/canonical.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { keyBytes, type PublicKey, publicKeyFromBytes } from "../values/key.js";
import { uapiError } from "./lines.js";

const equalsSign = 0x3d;
const colonSign = 0x3a;

/** A "key=value" line. One Field reads line after line, and keeps none of them. */
export class Field {
  key = "";
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /**
   * Reads the line from start to end.
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

  /** Returns the value as a string. Not for secret keys. */
  text(): string {
    return this.#bytes.toString("utf8", this.#start, this.#end);
  }

  /** Returns a whole number from 0 to `maximum`, at most Number.MAX_SAFE_INTEGER. */
  number(maximum: number): number {
    const length = this.#end - this.#start;
    let value = length >= 1 && length <= 16 ? 0 : Number.NaN;
    for (let at = this.#start; at < this.#end; at++) {
      const digit = (this.#bytes[at] ?? 0) - 0x30;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
    }
    if (value <= maximum) return value;
    throw this.#error(`is not a whole number from 0 to ${maximum}`);
  }

  /** Returns a counter: 64 bits without a sign. */
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

  /** Decodes a key into the store's next slot. Returns false for zeros, which mean that there is no key. */
  secret(store: SecretStore): boolean {
    store.advance();
    return this.#decodeKey(store.buffer, store.start);
  }

  /** Decodes a key, and reports whether any of its bytes is not zero. */
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

  /** Returns true for "true", the only value that a flag can have. */
  isTrue(): true {
    if (this.text() === "true") return true;
    throw this.#error('is not "true"');
  }

  #error(problem: string): Error {
    return uapiError(`the value of ${this.key.slice(0, 40)} ${problem}`);
  }
}

/** For public keys only: it is never overwritten. */
const scratch = Buffer.alloc(keyBytes);

/** The value of each hexadecimal digit by its character code; -1 for every other character. */
const nibbles = Int8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? -1 : value;
});

/** How many keys share a buffer: allocating one for each would cost more than reading it. */
const keysPerBuffer = 64;

/** Holds the secret keys of one message. Each slot belongs to one key, for good. */
export class SecretStore {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;

  /** Moves on to the next slot: the 32 bytes of `buffer` from `start` on. */
  advance(): void {
    this.start += keyBytes;
    if (this.start + keyBytes <= this.buffer.length) return;
    this.buffer = Buffer.alloc(keysPerBuffer * keyBytes);
    this.start = 0;
  }
}

/** Every key that the engine knows. Source: https://www.wireguard.com/xplatform/#configuration-protocol */
const names = [
  "errno",
  "set",
  "private_key",
  "listen_port",
  "fwmark",
  "replace_peers",
  "public_key",
  "preshared_key",
  "protocol_version",
  "endpoint",
  "last_handshake_time_sec",
  "last_handshake_time_nsec",
  "tx_bytes",
  "rx_bytes",
  "persistent_keepalive_interval",
  "allowed_ip",
  "update_only",
  "remove",
  "replace_allowed_ips",
] as const;

interface Known {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const knownByLength: readonly (readonly Known[])[] = Array.from({ length: 32 }, (_, length) =>
  names
    .filter((name) => name.length === length)
    .map((name) => ({ name, bytes: Buffer.from(name) })),
);

/**
 * Returns the key that the bytes from start to end spell. For a known key it is the string in `names`: making
 * a new one for each of a million lines takes longer than reading them.
 */
function keyName(bytes: Buffer, start: number, end: number): string {
  for (const known of knownByLength[end - start] ?? []) {
    if (spells(bytes, start, known)) return known.name;
  }
  return bytes.toString("latin1", start, end);
}

function spells(bytes: Buffer, start: number, { bytes: expected }: Known): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}
