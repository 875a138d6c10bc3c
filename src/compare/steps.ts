import { stripVTControlCharacters } from "node:util";

/** How netns.sh begins the line that announces a step, and ends it: bold and green. */
const announcement = { begin: "\u001b[32m\u001b[1m[+] ", end: "\u001b[0m" };

/** Longer lines are cut: no step comes near, and a program may print anything. In UTF-16 units. */
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

/**
 * The step that a line of netns.sh's output announces: "NS1: ping -c 10 -f -W 1 192.168.241.2". It
 * may stand behind what a command printed without a line end.
 */
export function stepOf(line: string): string | undefined {
  const begin = line.indexOf(announcement.begin);
  if (begin < 0) return undefined;
  const rest = line.slice(begin + announcement.begin.length);
  const end = rest.indexOf(announcement.end);
  return plainText(end < 0 ? rest : rest.slice(0, end));
}

/** A line as a terminal may show it anywhere: without escape sequences and control characters. */
export function plainText(line: string): string {
  return stripVTControlCharacters(line).replace(/\p{Cc}/gu, "");
}
