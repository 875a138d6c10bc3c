import { stripVTControlCharacters } from "node:util";

/** Longer lines are cut: what is read in them is shorter, and a program may print anything. In UTF-16 units. */
const lineLimit = 4096;

/** Puts the lines of a stream together from chunks that end anywhere. */
export class LineSplitter {
  #partial = "";

  /** The lines that this chunk completes, without their line ends. */
  write(chunk: string): string[] {
    const lines = chunk.split("\n");
    lines[0] = this.#partial + (lines[0] ?? "");
    this.#partial = (lines.pop() ?? "").slice(0, lineLimit);
    return lines.map((line) => line.slice(0, lineLimit));
  }

  /** The last line, where the stream ended without a line end. */
  end(): string[] {
    const rest = this.#partial;
    this.#partial = "";
    return rest === "" ? [] : [rest];
  }
}

/** A line as a terminal may show it anywhere: without escape sequences and control characters. */
export function plainText(line: string): string {
  return stripVTControlCharacters(line).replace(/\p{Cc}/gu, "");
}
