import { LineSplitter, plainText } from "../sandbox/lines.js";
import { type Leg, LegReader } from "./legs.js";
import { firstSection, type Section, sectionOf } from "./sections.js";
import { stepOf } from "./steps.js";

/** Where a run of netns.sh is. */
export interface Progress {
  /** The number of the step it is at, from 1; 0 before the first. */
  readonly step: number;
  readonly section: Section;
  /** The step's command as netns.sh announces it, such as "NS0: wg showconf wg1". */
  readonly command: string;
}

/** The last step that netns.sh announces, once all its tests have passed. */
const lastStep = "Objects that were created were also destroyed.";

/** How many lines of the output are kept to explain a failure. */
const keptLines = 12;

/** How the engine begins a line of chatter. It would drive out the lines that matter. */
const debugLine = "DEBUG: ";

/** Follows the output of one run of netns.sh. How the stream is cut into chunks never matters. */
export class Transcript {
  readonly #splitter = new LineSplitter();
  readonly #legs = new LegReader();
  readonly #lastLines: string[] = [];
  #section: Section = firstSection;
  #progress: Progress = { step: 0, section: firstSection, command: "" };
  #complete = false;

  /** The step it is at. The steps of the clean-up do not count. */
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

  /** Takes a chunk of output. Returns whether a new step has begun in it. */
  write(chunk: string): boolean {
    const before = this.#progress;
    this.#splitter.write(chunk).forEach(this.#line, this);
    return this.#progress !== before;
  }

  /** Takes the end of the output. */
  end(): void {
    this.#splitter.end().forEach(this.#line, this);
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
