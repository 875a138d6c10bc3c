import { keyBytes, type PresharedKey, type PrivateKey, writeKeyHex } from "../values/key.js";

/** Collects "key=value" lines in a buffer that grows, so that secrets never become strings. */
export class LineWriter {
  #bytes: Buffer;
  #length = 0;

  /** `expected` is about how many bytes there will be. */
  constructor(expected = 4096) {
    this.#bytes = Buffer.allocUnsafe(expected);
  }

  line(key: string, value: string | number | bigint): void {
    const text = `${key}=${value}\n`;
    this.#reserve(text.length * 3); // UTF-8 needs at most 3 bytes for each of a string's units
    this.#length += this.#bytes.write(text, this.#length, "utf8");
  }

  secret(key: string, secret: PrivateKey | PresharedKey | "remove"): void {
    if (secret === "remove") {
      this.line(key, "0".repeat(64));
      return;
    }
    this.#reserve(key.length + 2 + 2 * keyBytes);
    this.#length += this.#bytes.write(`${key}=`, this.#length, "latin1");
    writeKeyHex(secret, this.#bytes, this.#length);
    this.#length += 2 * keyBytes;
    this.#length += this.#bytes.write("\n", this.#length, "latin1");
  }

  /** Adds the blank line and returns all; the writer is not used again. */
  end(): Buffer {
    this.#reserve(1);
    this.#length += this.#bytes.write("\n", this.#length, "latin1");
    return this.#bytes.subarray(0, this.#length);
  }

  /** Overwrites what was written; the writer is not used again. */
  discard(): void {
    this.#bytes.fill(0, 0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe((this.#length + more) * 2);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes.fill(0); // it may hold keys
    this.#bytes = grown;
  }
}
