import type { Environment } from "../../src/artifacts.js";
import { isLive, type Output, type Style, styleFor } from "../../src/text/style.js";
import { clock, outOf } from "../report/figures.js";
import type { Run } from "./comparison.js";
import { cause } from "./failure-text.js";
import type { Progress } from "./transcript.js";

/** How often the live line is drawn, in milliseconds. */
const interval = 100;
const barLength = 20;

/**
 * Shows a person where a comparison is: on a terminal as one line that is drawn again and again, and
 * elsewhere as one line for each section of netns.sh. What is finished stays as a line of its own.
 */
export class ProgressDisplay {
  readonly #output: Output;
  readonly #live: boolean;
  readonly #style: Style;
  /** How many steps netns.sh has; null: unknown. */
  readonly #steps: number | null;
  readonly #width: number;
  #title = "";
  #started = 0;
  #text = "";
  #section = "";
  #timer: NodeJS.Timeout | undefined;

  /** @param titles everything that `begin` will be called with, to align what follows them */
  constructor(output: Output, env: Environment, steps: number | null, titles: readonly string[]) {
    this.#output = output;
    this.#live = isLive(output, env);
    this.#style = styleFor(output, env);
    this.#steps = steps;
    this.#width = Math.max(...titles.map((title) => title.length));
  }

  /** Something begins that takes a while. */
  begin(title: string, text: string): void {
    this.#title = title.padEnd(this.#width);
    this.#started = performance.now();
    this.#text = text;
    this.#section = "";
    if (this.#live) {
      this.#timer ??= setInterval(() => this.#draw(), interval);
      this.#draw();
    } else {
      this.#output.write(`${this.#title}  ${text}\n`);
    }
  }

  /** netns.sh has come to another step. */
  step({ step, section, command }: Progress): void {
    if (this.#live) {
      this.#text = `${bar(step, this.#steps)}${outOf(step, this.#steps)}  ${section} · ${command}`;
      this.#draw();
    } else if (section !== this.#section) {
      this.#output.write(
        `${this.#title}  ${this.#elapsed()}  step ${outOf(step, this.#steps)}  ${section}\n`,
      );
    }
    this.#section = section;
  }

  /** A run has ended. */
  finish({ passed, failure, stepsPassed, seconds }: Run): void {
    const sentence =
      failure === null
        ? `passed ${stepsPassed} steps in ${clock(seconds)}`
        : `failed at step ${outOf(failure.step, this.#steps)}, ${cause(failure)}: ${failure.command}`;
    const mark = this.#style(passed ? "green" : "red", passed ? "✓" : "✗");
    this.clear();
    this.#output.write(`${this.#title}  ${mark} ${sentence}\n`);
  }

  /** Takes the live line away. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#live) this.#output.write("\r\u001b[K");
  }

  #draw(): void {
    const room = (this.#output.columns ?? 80) - this.#title.length - 10;
    const text = this.#text.length > room ? `${this.#text.slice(0, room - 1)}…` : this.#text;
    this.#output.write(
      `\r\u001b[K${this.#style("bold", this.#title)}  ${this.#style("dim", this.#elapsed())}  ${text}`,
    );
  }

  #elapsed(): string {
    return clock((performance.now() - this.#started) / 1000).padStart(5);
  }
}

function bar(step: number, steps: number | null): string {
  if (steps === null) return "";
  const done = Math.min(barLength, Math.floor((step / steps) * barLength));
  return `${"█".repeat(done)}${"░".repeat(barLength - done)} `;
}
