import type { Environment } from "../../src/artifacts.js";
import { isLive, type Output, type Style, styleFor } from "../../src/text/style.js";
import { clock } from "../report/figures.js";

/** How often the live line is drawn, in milliseconds. */
const interval = 250;

/**
 * Shows a person where a bench is: on a terminal one line that is drawn again and again, elsewhere a line
 * for each turn of a program.
 */
export class BenchProgress {
  readonly #output: Output;
  readonly #live: boolean;
  readonly #style: Style;
  readonly #turns: number;
  readonly #now: () => number;
  readonly #started: number;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #title = "";
  #doing = "";
  #left = "";

  /**
   * @param turns how often some program will have its turn
   * @param now tells the time, in milliseconds
   */
  constructor(
    output: Output,
    env: Environment,
    turns: number,
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#live = isLive(output, env);
    this.#style = styleFor(output, env);
    this.#turns = turns;
    this.#now = now;
    this.#started = now();
  }

  /** A program has its turn. */
  begin(round: number, rounds: number, program: string): void {
    this.#turn++;
    this.#title = `round ${round} of ${rounds}, ${program}`;
    this.#doing = "";
    this.#left = this.#guess();
    if (this.#live) {
      this.#timer ??= setInterval(() => this.#draw(), interval);
      this.#draw();
    } else {
      this.#output.write(`${clock(this.#elapsed)}  ${this.#title}${this.#left}\n`);
    }
  }

  /** The program has come to something else. */
  doing(what: string): void {
    this.#doing = what;
    if (this.#live) this.#draw();
  }

  /** Takes the live line away. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#live) this.#output.write("\r\u001b[K");
  }

  get #elapsed(): number {
    return (this.#now() - this.#started) / 1000;
  }

  /** What is left when a turn begins, by the turns that are over. */
  #guess(): string {
    const over = this.#turn - 1;
    if (over < 1) return "";
    const left = (this.#elapsed / over) * (this.#turns - over);
    return `, about ${clock(left)} left`;
  }

  #draw(): void {
    const line = `${clock(this.#elapsed)}  ${this.#title}${this.#left}: ${this.#doing}`;
    const room = (this.#output.columns ?? 80) - 1;
    this.#output.write(`\r\u001b[K${this.#style("dim", line.slice(0, room))}`);
  }
}
