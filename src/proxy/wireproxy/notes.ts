import type { Diagnostic } from "../../config/diagnostic.js";

/** Something in a file that does less or something else here than in wireproxy. */
interface Warning {
  /** From 1; absent for what is missing from the file. */
  readonly line?: number;
  readonly text: string;
}

/** What is to be said about a file: mistakes, and differences from wireproxy. */
export class Notes {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #warnings: Warning[] = [];

  /** Adds a mistake at an index of a line. */
  report(line: number, at: number, problem: string, expected: string): void {
    this.add({ line, column: at + 1, problem, expected });
  }

  add(...diagnostics: readonly Diagnostic[]): void {
    this.#diagnostics.push(...diagnostics);
  }

  /** Adds a warning, a sentence without its full stop. */
  warn(text: string, line?: number): void {
    this.#warnings.push(line === undefined ? { text } : { text, line });
  }

  /** All mistakes, in the order of the file. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** All warnings as sentences, in the order of the file. */
  get warnings(): readonly string[] {
    return this.#warnings
      .toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || 0)
      .map(({ line, text }) =>
        line === undefined ? `${text}.` : `Line ${line} of the configuration: ${text}.`,
      );
  }
}
