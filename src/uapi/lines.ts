import { types } from "node:util";
import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/** The maximum length of a line in bytes: many times what any key and value need. */
const maxLineBytes = 4096;

const newline = 0x0a;

/** Receives one line: the bytes from start to end, without its newline. They are valid only during the call. */
export type OnLine = (bytes: Buffer, start: number, end: number) => void;

/** Splits UAPI that arrives in pieces into lines of bytes. Secrets never become strings. */
export class LineReader {
  readonly #onLine: OnLine;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
  }

  /**
   * Processes the next piece.
   * @throws WgBridgeError WG_BRIDGE_UAPI for a line of more than 4,096 bytes, and what onLine throws
   */
  push(piece: Uint8Array): void {
    if (!types.isUint8Array(piece)) throw uapiError(`it is ${describe(piece)}, not its bytes`);
    const fresh = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let end = fresh.indexOf(newline); end !== -1; end = fresh.indexOf(newline, start)) {
      if (this.#rest.length === 0) this.#take(fresh, start, end);
      else this.#takeWithRest(fresh.subarray(start, end));
      start = end + 1;
    }
    if (start < fresh.length) this.#keep(fresh.subarray(start));
  }

  /** Whether a line has begun that has no newline yet. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  #keep(part: Buffer): void {
    const { length } = this.#rest;
    checkLength(length + part.length);
    const joined = Buffer.concat([this.#rest, part]);
    this.#rest.fill(0); // it may hold half a key
    this.#rest = joined;
  }

  #takeWithRest(part: Buffer): void {
    this.#keep(part);
    const line = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.#take(line, 0, line.length);
    line.fill(0);
  }

  #take(bytes: Buffer, start: number, end: number): void {
    checkLength(end - start);
    this.#onLine(bytes, start, end);
  }
}

function checkLength(bytes: number): void {
  if (bytes > maxLineBytes) throw uapiError(`a line has more than ${maxLineBytes} bytes`);
}

/** The error for what is not UAPI. `problem` must not repeat a value: it may be a key. */
export function uapiError(problem: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_UAPI",
    `This is not WireGuard's configuration protocol: ${problem}. The program that serves the interface is of another kind, or broken: look which one it is, and start wg-bridge's instead.`,
  );
}
