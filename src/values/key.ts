import { inspect, types } from "node:util";
import { WgBridgeError } from "../errors.js";
import { recogniseAcrossCopies } from "../recognition.js";
import { counted, describe } from "../text/quote.js";

/** The size of every WireGuard key in bytes: a Curve25519 point or scalar, or a symmetric key. */
export const keyBytes = 32;

declare const brand: unique symbol;

/**
 * A public key: 32 bytes in canonical base64, 44 characters, as wg(8) prints it. It is a string, so
 * that === and Map keys work; only {@link publicKey} makes one. Public keys are not secret.
 */
export type PublicKey = string & { readonly [brand]: "PublicKey" };

/**
 * Reads a public key from base64, as wg(8) prints it, or from 64 hexadecimal digits, as UAPI does.
 * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the text: it may be a private key.
 */
export function publicKey(text: string): PublicKey {
  return publicKeyFromBytes(readKey("public", text));
}

/** Returns the public key that the first 32 bytes are. */
export function publicKeyFromBytes(bytes: Buffer): PublicKey {
  return bytes.toString("base64", 0, keyBytes) as PublicKey; // the one place that makes them
}

/** Returns the key as UAPI writes it: 64 lower-case hexadecimal digits. */
export function publicKeyHex(key: PublicKey): string {
  return Buffer.from(key, "base64").toString("hex");
}

// Loaded on first use, because an import would add milliseconds to every start.
const crypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");

/**
 * Allocates memory for a secret outside V8's heap. The garbage collector moves a small typed array that
 * lies in the heap, and each move leaves a copy of the secret behind.
 */
function secretBytes(length = keyBytes): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

/**
 * The name of a method that copies a key's bytes. Each copy of this package in a process knows it, so
 * that they can use each other's keys; the types do not show it.
 */
const copyTo = Symbol.for("wg-bridge.SecretKey.copyTo");

/** Returns a copy of a key's bytes. The caller overwrites it. */
function copyOf(key: SecretKey): Buffer {
  const bytes = secretBytes();
  const copy: unknown = Reflect.get(key, copyTo);
  if (typeof copy !== "function") {
    throw new WgBridgeError(
      "WG_BRIDGE_KEY",
      "This key was made by another version of wg-bridge: read it again with this one.",
    );
  }
  Reflect.apply(copy, key, [bytes]);
  return bytes;
}

// What only this package may do with keys. The classes assign these, because the bytes are private to them.

/** Writes a key's 64 hexadecimal digits at an offset of a buffer that has room for them. */
export let writeKeyHex: (key: SecretKey, target: Buffer, offset: number) => void;

/** Makes a key of the 32 bytes from `start` on, without copying them: from then on they are the key's. */
export let privateKeyIn: (buffer: Buffer, start: number) => PrivateKey;
export let presharedKeyIn: (buffer: Buffer, start: number) => PresharedKey;

/**
 * A key that must not be seen: util.inspect, JSON and String() show "(hidden)". Only toBase64 and toHex
 * return it as a string, which then stays in memory until it is collected.
 */
export abstract class SecretKey {
  static {
    recogniseAcrossCopies(SecretKey, "SecretKey");
    Object.defineProperty(SecretKey.prototype, copyTo, {
      value(this: SecretKey, target: Buffer): void {
        this.#usable().copy(target, 0, this.#start, this.#start + keyBytes);
      },
    });
    writeKeyHex = (key, target, offset) => {
      const bytes = key.#usable();
      for (let index = 0; index < keyBytes; index++) {
        const byte = bytes[key.#start + index] ?? 0;
        target[offset + 2 * index] = hexDigit(byte >> 4);
        target[offset + 2 * index + 1] = hexDigit(byte & 15);
      }
    };
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

  /** Returns the key as wg(8) writes it: 44 characters. */
  toBase64(): string {
    return this.#usable().toString("base64", this.#start, this.#start + keyBytes);
  }

  /** Returns the key as UAPI writes it: 64 hexadecimal digits. */
  toHex(): string {
    return this.#usable().toString("hex", this.#start, this.#start + keyBytes);
  }

  /** Reports whether both hold the same bytes, in the same time either way. */
  equals(other: SecretKey): boolean {
    const mine = this.#usable().subarray(this.#start, this.#start + keyBytes);
    const theirs = copyOf(other); // not other.#buffer: a key of another copy of this package has none
    try {
      return crypto().timingSafeEqual(mine, theirs);
    } finally {
      theirs.fill(0);
    }
  }

  /** Overwrites the key with zeros. Any later use of it throws WG_BRIDGE_KEY. */
  destroy(): void {
    this.#buffer?.fill(0, this.#start, this.#start + keyBytes);
    this.#buffer = undefined;
  }

  /** Returns "(hidden)", so that a template string never holds a key. */
  toString(): string {
    return "(hidden)";
  }

  /** Returns "(hidden)", so that JSON never holds a key. */
  toJSON(): string {
    return "(hidden)";
  }

  /** Returns what console.log and util.inspect print: "PrivateKey(hidden)". */
  [inspect.custom](): string {
    return `${this.kind === "private" ? "PrivateKey" : "PresharedKey"}(hidden)`;
  }

  #usable(): Buffer {
    if (this.#buffer !== undefined) return this.#buffer;
    throw new WgBridgeError(
      "WG_BRIDGE_KEY",
      "This key was destroyed: read or generate it again to use it.",
    );
  }
}

/** A private key: a Curve25519 scalar. Source: RFC 7748. */
export class PrivateKey extends SecretKey {
  static {
    recogniseAcrossCopies(PrivateKey, "PrivateKey");
    privateKeyIn = (buffer, start) => new PrivateKey(buffer, start);
  }

  override readonly kind = "private";

  /** Generates a key from the system's randomness, clamped as `wg genkey` does. */
  static generate(): PrivateKey {
    return new PrivateKey(clamp(crypto().randomFillSync(secretBytes())), 0);
  }

  /**
   * Reads a key from base64, from 64 hexadecimal digits, or from its 32 bytes. Bytes and another
   * PrivateKey are copied, so that each key can be destroyed on its own.
   * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the key.
   */
  static from(key: string | Uint8Array | PrivateKey): PrivateKey {
    return new PrivateKey(key instanceof PrivateKey ? copyOf(key) : readKey("private", key), 0);
  }

  /**
   * Reports whether both are the same scalar, in the same time either way. An engine clamps the key that
   * it is given, and so may answer with other bytes.
   */
  override equals(other: PrivateKey): boolean {
    if (super.equals(other)) return true;
    const mine = new PrivateKey(clamp(copyOf(this)), 0);
    const theirs = new PrivateKey(clamp(copyOf(other)), 0);
    try {
      return super.equals.call(mine, theirs);
    } finally {
      mine.destroy();
      theirs.destroy();
    }
  }

  /** Returns the public key that belongs to this one. */
  publicKey(): PublicKey {
    const { createPrivateKey, createPublicKey } = crypto();
    const bytes = copyOf(this);
    const der = secretBytes(pkcs8.length + keyBytes);
    try {
      der.set(pkcs8);
      der.set(bytes, pkcs8.length);
      const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const spki = createPublicKey(key).export({ format: "der", type: "spki" });
      return publicKeyFromBytes(spki.subarray(-keyBytes));
    } finally {
      bytes.fill(0);
      der.fill(0);
    }
  }
}

/** The start of a PKCS #8 file, before the 32 bytes of an X25519 key. Source: RFC 8410, section 7. */
const pkcs8 = Buffer.from("302e020100300506032b656e04220420", "hex");

/** A preshared key: 32 random bytes that both peers know. */
export class PresharedKey extends SecretKey {
  static {
    recogniseAcrossCopies(PresharedKey, "PresharedKey");
    presharedKeyIn = (buffer, start) => new PresharedKey(buffer, start);
  }

  override readonly kind = "preshared";

  /** Generates a key from the system's randomness, as `wg genpsk` does. */
  static generate(): PresharedKey {
    return new PresharedKey(crypto().randomFillSync(secretBytes()), 0);
  }

  /**
   * Reads a key from base64, from 64 hexadecimal digits, or from its 32 bytes. Bytes and another
   * PresharedKey are copied, so that each key can be destroyed on its own.
   * @throws WgBridgeError WG_BRIDGE_KEY. The message does not repeat the key.
   */
  static from(key: string | Uint8Array | PresharedKey): PresharedKey {
    const bytes = key instanceof PresharedKey ? copyOf(key) : readKey("preshared", key);
    return new PresharedKey(bytes, 0);
  }
}

/** Clamps the 32 bytes of a scalar in place. Source: RFC 7748, section 5. */
function clamp(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) & 248;
  bytes[31] = ((bytes[31] ?? 0) & 127) | 64;
  return bytes;
}

function readKey(kind: "public" | "private" | "preshared", key: string | Uint8Array): Buffer {
  if (types.isUint8Array(key)) {
    if (key.length !== keyBytes) throw keyError(kind, `it is ${counted(key.length, "byte")} long`);
    const bytes = secretBytes();
    bytes.set(key);
    return bytes;
  }
  if (typeof key !== "string") throw keyError(kind, `it is ${describe(key)}`);
  if (/^[0-9a-f]{64}$/i.test(key)) return Buffer.from(key, "hex");
  if (key.length !== 44) throw keyError(kind, `it is ${counted(key.length, "character")} long`);
  const bytes = Buffer.from(key, "base64");
  // Several texts decode to the same bytes, and only the canonical one is a key.
  if (bytes.length === keyBytes && bytes.toString("base64") === key) return bytes;
  bytes.fill(0);
  throw keyError(kind, "it is not base64 of 32 bytes");
}

function keyError(kind: string, problem: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_KEY",
    `This is not a ${kind} key: ${problem}. A key is 44 characters of base64, as "wg genkey" prints it, or 64 hexadecimal digits.`,
  );
}

function hexDigit(nibble: number): number {
  return nibble + (nibble < 10 ? 0x30 : 0x57);
}
