import type { Environment } from "../../src/artifacts.js";
import { isLive, type Output, type Style, styleFor } from "../../src/text/style.js";
import { clock } from "./figures.js";

/** How often the live line is drawn, in milliseconds. */
const interval = 250;

/**
 * Shows how far a benchmark is. On a terminal it redraws one line; elsewhere it writes a line for each turn
 * of a program, and for each leg of it. The outcome of a turn stays on a line of its own.
 */
export class Progress {
  readonly #output: Output;
  readonly #live: boolean;
  readonly #style: Style;
  #turns: number;
  readonly #now: () => number;
  readonly #started: number;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #title = "";
  #leg = "";
  #doing = "";
  #left = "";

  /**
   * @param turns how many turns there will be
   * @param now returns the time, in milliseconds
   */
  constructor(output: Output, env: Environment, turns: number, now = () => performance.now()) {
    this.#output = output;
    this.#live = isLive(output, env);
    this.#style = styleFor(output, env);
    this.#turns = turns;
    this.#now = now;
    this.#started = now();
  }

  /** Says that there will be more turns. */
  expect(turns: number): void {
    this.#turns += turns;
  }

  /** Begins a turn. */
  begin(title: string): void {
    const over = this.#turn++;
    this.#title = title;
    // What is left, by the turns that are over.
    const left = (this.#elapsed / over) * (this.#turns - over);
    this.#left = over === 0 ? "" : `, about ${clock(left)} left`;
    this.doing("", "");
  }

  /** Shows what the turn does now, on which leg. */
  doing(leg: string, what: string): void {
    const isNew = leg === "" || leg !== this.#leg;
    this.#leg = leg;
    this.#doing = what;
    if (this.#live) {
      this.#timer ??= setInterval(() => this.#draw(), interval);
      this.#draw();
    } else if (isNew) {
      this.#output.write(`${this.#line}\n`);
    }
  }

  /** Ends a turn. */
  finish(failure: { readonly because: string } | undefined): void {
    this.clear();
    const mark = failure === undefined ? this.#style("green", "✓") : this.#style("red", "✗");
    const because = failure === undefined ? "" : `: ${failure.because}`;
    this.#output.write(`${clock(this.#elapsed)}  ${mark} ${this.#title}${because}\n`);
  }

  /** Takes the live line away. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#live) this.#output.write("\r\u001b[K");
  }

  get #elapsed(): number {
    return (this.#now() - this.#started) / 1000;
  }

  get #line(): string {
    const doing = this.#doing === "" ? "" : `: ${this.#doing}`;
    return `${clock(this.#elapsed)}  ${this.#title}${this.#left}${doing}`;
  }

  #draw(): void {
    const room = (this.#output.columns ?? 80) - 1;
    const line = this.#line;
    const shown = line.length > room ? `${line.slice(0, room - 1)}…` : line;
    this.#output.write(`\r\u001b[K${this.#style("dim", shown)}`);
  }
}
