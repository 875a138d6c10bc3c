import { plainText } from "../sandbox/sandbox.js";
import { type Leg, LegReader } from "./legs.js";
import { firstSection, type Section, sectionOf } from "./sections.js";

/** How far a run of netns.sh is. */
export interface Progress {
  /** The number of its current step, from 1; 0 before the first. */
  readonly step: number;
  readonly section: Section;
  /** The step's command as netns.sh announces it, such as "NS0: wg showconf wg1". */
  readonly command: string;
}

/** The last step that netns.sh announces, once all its tests have passed. */
const lastStep = "Objects that were created were also destroyed.";

/** How many lines of the output are kept to explain a failure. */
const keptLines = 12;

/** How the engine begins a debug line. Many of them would displace the lines that explain a failure. */
const debugLine = "DEBUG: ";

/** How netns.sh begins the line that announces a step, and ends it: bold and green. */
const announcement = { begin: "\u001b[32m\u001b[1m[+] ", end: "\u001b[0m" };

/**
 * The step that a line of netns.sh's output announces: "NS1: ping -c 10 -f -W 1 192.168.241.2". A command
 * may have printed something without a line end before it.
 */
export function stepOf(line: string): string | undefined {
  const begin = line.indexOf(announcement.begin);
  if (begin < 0) return undefined;
  const rest = line.slice(begin + announcement.begin.length);
  const end = rest.indexOf(announcement.end);
  return plainText(end < 0 ? rest : rest.slice(0, end));
}

/** Follows the output of one run of netns.sh, line by line. */
export class Transcript {
  readonly #legs = new LegReader();
  readonly #lastLines: string[] = [];
  #section: Section = firstSection;
  #progress: Progress = { step: 0, section: firstSection, command: "" };
  #complete = false;

  /** Its current step. The steps of the clean-up do not count. */
  get progress(): Progress {
    return this.#progress;
  }

  /** Whether the script has announced that all its tests passed. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The iperf3 tests that have begun. */
  get legs(): Leg[] {
    return this.#legs.legs;
  }

  /** The last lines before the clean-up, as plain text and without the engine's debug lines. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Takes a line of output. Returns whether a new step begins in it. */
  read(line: string): boolean {
    const before = this.#progress;
    this.#line(line);
    return this.#progress !== before;
  }

  #line(line: string): void {
    const step = stepOf(line);
    if (step !== undefined) this.#section = sectionOf(step, this.#section);
    if (this.#section === "clean-up") return;
    this.#keep(plainText(line));
    if (step === undefined) {
      this.#legs.line(plainText(line));
      return;
    }
    this.#legs.step(step, this.#section);
    this.#progress = { step: this.#progress.step + 1, section: this.#section, command: step };
    if (step === lastStep) this.#complete = true;
  }

  #keep(line: string): void {
    if (line.trim() === "" || line.startsWith(debugLine)) return;
    this.#lastLines.push(line);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
  }
}
