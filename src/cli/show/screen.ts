import type { ReadStream, WriteStream } from "node:tty";

const alternateScreen = "\x1b[?1049h\x1b[?25l";
const normalScreen = "\x1b[?25h\x1b[?1049l";
const home = "\x1b[H";
const clearLine = "\x1b[K";
const clearBelow = "\x1b[J";

type Output = NodeJS.WriteStream & Partial<Pick<WriteStream, "rows" | "columns">>;
type Input = NodeJS.ReadStream & Partial<Pick<ReadStream, "setRawMode">>;

/**
 * A terminal that is redrawn again and again, and restored at the end. An output that is not `live` gets the
 * lines one after another.
 */
export class Screen implements Disposable {
  /** Resolves when the user quits: q, Ctrl-C, or one of the signals. */
  readonly quit: Promise<void>;
  readonly #output: Output;
  readonly #input: Input;
  readonly #live: boolean;
  readonly #release: () => void;
  #drawn: readonly string[] = [];

  constructor(
    output: Output,
    input: Input,
    live: boolean,
    signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"],
  ) {
    this.#output = output;
    this.#input = input;
    this.#live = live;
    let quit = () => {};
    this.quit = new Promise((resolve) => {
      quit = resolve;
    });
    const onKey = (key: Buffer) => {
      if (["q", "Q", "\x03", "\x04"].includes(key.toString())) quit();
    };
    const onResize = () => this.draw(this.#drawn);
    for (const signal of signals) process.on(signal, quit);
    if (this.#live) {
      output.write(alternateScreen);
      output.on("resize", onResize);
    }
    if (this.#live && input.isTTY) {
      input.setRawMode(true);
      input.on("data", onKey);
    }
    this.#release = () => {
      for (const signal of signals) process.removeListener(signal, quit);
      output.removeListener("resize", onResize);
      input.removeListener("data", onKey);
    };
  }

  /** Shows these lines, cut to the size of the terminal. */
  draw(lines: readonly string[]): void {
    this.#drawn = lines;
    if (!this.#live) {
      this.#output.write(`${lines.join("\n")}\n\n`);
      return;
    }
    // A terminal of unknown size reports 0.
    const visible = lines.slice(0, (this.#output.rows || 24) - 1);
    const text = visible.map((line) => cut(line, this.#output.columns || 80) + clearLine);
    this.#output.write(`${home}${text.join("\n")}\n${clearBelow}`);
  }

  [Symbol.dispose](): void {
    this.#release();
    if (this.#live) this.#output.write(normalScreen);
    if (this.#live && this.#input.isTTY) {
      this.#input.setRawMode(false);
      this.#input.pause();
    }
  }
}

/** Cuts a line to a number of columns. Colours do not count. */
export function cut(line: string, columns: number): string {
  let room = columns;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
  return line.replace(/(\x1b\[\d+m)|./gu, (piece, sequence: string | undefined) => {
    if (sequence !== undefined) return sequence;
    room--;
    return room >= 0 ? piece : "";
  });
}
