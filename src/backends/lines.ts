import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Maximum length of a line in characters; the rest of a longer one is dropped. */
export const maxLineLength = 16_384;

/** Splits a stream of bytes, in pieces of any size, into lines of UTF-8 text. */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next piece, and passes on each line that it completes, without the line end. */
  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.write(chunk));
  }

  /** The stream has ended: passes on a last line without a line end. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== "") this.#onLine(this.#rest);
    this.#rest = "";
  }

  #take(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      const line = this.#append(text.slice(start, end));
      this.#rest = "";
      this.#onLine(line);
      start = end + 1;
    }
    this.#rest = this.#append(text.slice(start));
  }

  #append(text: string): string {
    return this.#rest + text.slice(0, maxLineLength - this.#rest.length);
  }
}

/**
 * Reads the lines of a pipe from another process or from the library. Resolves when the pipe has ended or broken:
 * its writer is gone either way.
 */
export function readLines(pipe: Readable, onLine: (line: string) => void): Promise<void> {
  const lines = new LineSplitter(onLine);
  return new Promise((resolve) => {
    pipe.on("data", (chunk: Buffer) => lines.push(chunk));
    pipe.on("error", () => {}); // "close" follows
    pipe.on("close", () => {
      lines.end();
      resolve();
    });
  });
}
