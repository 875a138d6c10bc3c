import { inspect, types } from "node:util";
import { WgBridgeError } from "../errors.js";
import { recogniseAcrossCopies } from "../recognition.js";
import { counted } from "../text/counted.js";
import { describe } from "../text/quote.js";

/** How many bytes every key of WireGuard has: a Curve25519 point, or a symmetric key. */
export const keyBytes = 32;

declare const brand: unique symbol;

/**
 * A public key: 32 bytes in canonical base64, 44 characters, as wg(8) prints it. It is a string, so
 * that === and Map keys work; only {@link publicKey} makes one. Public keys are no secret.
 */
export type PublicKey = string & { readonly [brand]: "PublicKey" };

/**
 * Reads a public key from base64 as wg(8) prints it, or from 64 hexadecimal digits as UAPI does.
 * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the text: it may be a private key.
 */
export function publicKey(text: string): PublicKey {
  return publicKeyFromBytes(readKey("public", text));
}

/** The public key that 32 bytes are. */
export function publicKeyFromBytes(bytes: Buffer): PublicKey {
  return bytes.toString("base64", 0, keyBytes) as PublicKey; // the one place that makes them
}

/** The key as UAPI has it: 64 lower-case hexadecimal digits. */
export function publicKeyHex(key: PublicKey): string {
  return Buffer.from(key, "base64").toString("hex");
}

// Loaded when a key is made, not imported: that spares milliseconds of every start.
const crypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");

/**
 * Memory for a secret, which stays where it is. A small array of JavaScript's lies in the heap that the
 * garbage collector moves about, and it leaves a copy behind each time.
 */
export function secretBytes(length = keyBytes): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

/**
 * A key that must not be seen: inspect, JSON and String() show "(hidden)". Only toBase64 and toHex
 * put it into a string, which then stays in memory until it is collected.
 */
export abstract class SecretKey {
  static {
    recogniseAcrossCopies(SecretKey, "SecretKey");
  }

  /** Keeps the kinds of keys apart for the compiler. */
  abstract readonly kind: "private" | "preshared";
  #buffer: Buffer | undefined;
  readonly #start: number;

  /** The key is the 32 bytes of the buffer from start on. */
  protected constructor(buffer: Buffer, start: number) {
    this.#buffer = buffer;
    this.#start = start;
  }

  /** As wg(8) writes it: 44 characters. */
  toBase64(): string {
    return this.#usable().toString("base64", this.#start, this.#start + keyBytes);
  }

  /** As UAPI writes it: 64 hexadecimal digits. */
  toHex(): string {
    return this.#usable().toString("hex", this.#start, this.#start + keyBytes);
  }

  /** Writes the 64 hexadecimal digits into a buffer, without a string. Returns the offset after them. */
  writeHex(target: Buffer, offset: number): number {
    checkRoom(target, offset, 2 * keyBytes);
    const bytes = this.#usable();
    for (let index = 0; index < keyBytes; index++) {
      const byte = bytes[this.#start + index] ?? 0;
      target[offset + 2 * index] = digit(byte >> 4);
      target[offset + 2 * index + 1] = digit(byte & 15);
    }
    return offset + 2 * keyBytes;
  }

  /** Copies the 32 bytes into a buffer. */
  copyTo(target: Buffer, offset: number): void {
    checkRoom(target, offset, keyBytes);
    this.#usable().copy(target, offset, this.#start, this.#start + keyBytes);
  }

  /** Whether both hold the same bytes. Takes the same time either way. */
  equals(other: SecretKey): boolean {
    const mine = this.#usable();
    const theirs = secretBytes();
    try {
      other.copyTo(theirs, 0); // not other.#buffer: a key of another copy of this package has none
      let difference = 0;
      for (let index = 0; index < keyBytes; index++) {
        difference |= (mine[this.#start + index] ?? 0) ^ (theirs[index] ?? 0);
      }
      return difference === 0;
    } finally {
      theirs.fill(0);
    }
  }

  /** Overwrites the key with zeros. Any later use of it throws WG_BRIDGE_KEY. */
  destroy(): void {
    this.#buffer?.fill(0, this.#start, this.#start + keyBytes);
    this.#buffer = undefined;
  }

  /** "(hidden)", so that no template string holds a key. */
  toString(): string {
    return "(hidden)";
  }

  /** "(hidden)", so that no JSON holds a key. */
  toJSON(): string {
    return "(hidden)";
  }

  /** What console.log and util.inspect print: "PrivateKey(hidden)". */
  [inspect.custom](): string {
    return `${this.kind === "private" ? "PrivateKey" : "PresharedKey"}(hidden)`;
  }

  #usable(): Buffer {
    if (this.#buffer !== undefined) return this.#buffer;
    throw new WgBridgeError(
      "WG_BRIDGE_KEY",
      "This key was destroyed: read or generate it anew to use it again.",
    );
  }
}

/** A private key: a Curve25519 scalar. Source: RFC 7748. */
export class PrivateKey extends SecretKey {
  static {
    recogniseAcrossCopies(PrivateKey, "PrivateKey");
  }

  override readonly kind = "private";

  /** A new key from the system's randomness, clamped as `wg genkey` does. */
  static generate(): PrivateKey {
    return new PrivateKey(clamp(crypto().randomFillSync(secretBytes())), 0);
  }

  /**
   * Reads a key from base64, 64 hexadecimal digits, or its 32 bytes, of which it takes a copy.
   * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the key.
   */
  static from(key: string | Uint8Array): PrivateKey {
    return new PrivateKey(readKey("private", key), 0);
  }

  /** Takes over the 32 bytes of a buffer from start on: they are the key's own from here on. */
  static owning(buffer: Buffer, start: number): PrivateKey {
    return new PrivateKey(buffer, start);
  }

  /**
   * Whether both are the same scalar. An engine clamps a key that it is given, so that it answers with
   * other bytes. Takes the same time either way.
   */
  override equals(other: PrivateKey): boolean {
    if (super.equals(other)) return true;
    const mine = PrivateKey.#clamped(this);
    const theirs = PrivateKey.#clamped(other);
    try {
      return super.equals.call(mine, theirs);
    } finally {
      mine.destroy();
      theirs.destroy();
    }
  }

  static #clamped(key: PrivateKey): PrivateKey {
    const bytes = secretBytes();
    key.copyTo(bytes, 0);
    return new PrivateKey(clamp(bytes), 0);
  }

  /** The public key that belongs to this one. */
  publicKey(): PublicKey {
    const { createPrivateKey, createPublicKey } = crypto();
    const der = secretBytes(pkcs8.length / 2 + keyBytes);
    try {
      const prefix = der.write(pkcs8, "hex");
      this.copyTo(der, prefix);
      const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const spki = createPublicKey(key).export({ format: "der", type: "spki" });
      return publicKeyFromBytes(spki.subarray(-keyBytes));
    } finally {
      der.fill(0);
    }
  }
}

/** A PKCS #8 file's start, before an X25519 key's 32 bytes. Source: RFC 8410, section 7. */
const pkcs8 = "302e020100300506032b656e04220420";

/** A preshared key: 32 random bytes that both peers know. */
export class PresharedKey extends SecretKey {
  static {
    recogniseAcrossCopies(PresharedKey, "PresharedKey");
  }

  override readonly kind = "preshared";

  /** A new key from the system's randomness, as `wg genpsk` makes it. */
  static generate(): PresharedKey {
    return new PresharedKey(crypto().randomFillSync(secretBytes()), 0);
  }

  /**
   * Reads a key from base64, 64 hexadecimal digits, or its 32 bytes, of which it takes a copy.
   * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the key.
   */
  static from(key: string | Uint8Array): PresharedKey {
    return new PresharedKey(readKey("preshared", key), 0);
  }

  /** Takes over the 32 bytes of a buffer from start on: they are the key's own from here on. */
  static owning(buffer: Buffer, start: number): PresharedKey {
    return new PresharedKey(buffer, start);
  }
}

/** Makes a scalar of 32 bytes, in place. Source: RFC 7748, section 5. */
function clamp(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) & 248;
  bytes[31] = ((bytes[31] ?? 0) & 127) | 64;
  return bytes;
}

function readKey(kind: "public" | "private" | "preshared", key: string | Uint8Array): Buffer {
  if (types.isUint8Array(key)) {
    if (key.length === keyBytes) {
      const bytes = secretBytes();
      bytes.set(key);
      return bytes;
    }
    throw keyError(kind, `it is ${counted(key.length, "byte")} long`);
  }
  if (typeof key !== "string") throw keyError(kind, `it is ${describe(key)}`);
  if (/^[0-9a-f]{64}$/i.test(key)) return Buffer.from(key, "hex");
  if (key.length !== 44) throw keyError(kind, `it is ${counted(key.length, "character")} long`);
  const bytes = Buffer.from(key, "base64");
  // Of several texts that decode to the same bytes only the canonical one is right.
  if (bytes.length === keyBytes && bytes.toString("base64") === key) return bytes;
  bytes.fill(0);
  throw keyError(kind, "it is not base64 of 32 bytes");
}

/** A key that is cut short where its target ends would be another key. */
function checkRoom(target: Buffer, offset: number, bytes: number): void {
  if (types.isUint8Array(target) && offset >= 0 && offset + bytes <= target.length) return;
  throw new WgBridgeError(
    "WG_BRIDGE_KEY",
    `This key needs ${bytes} bytes of a buffer from an offset on: give a larger buffer.`,
  );
}

function keyError(kind: string, fault: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_KEY",
    `This is no ${kind} key: ${fault}. A key is 44 characters of base64, as "wg genkey" prints it, or 64 hexadecimal digits.`,
  );
}

function digit(nibble: number): number {
  return nibble + (nibble < 10 ? 0x30 : 0x57);
}
