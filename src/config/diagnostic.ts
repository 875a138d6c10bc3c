import { nameErrors, WgBridgeError } from "../errors.js";
import { recogniseAcrossCopies } from "../recognition.js";
import { counted } from "../text/quote.js";

/** What is wrong at one place of a configuration file. No text of it repeats a key. */
export interface Diagnostic {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong, as a sentence without its full stop. */
  readonly problem: string;
  /** What would be right, as words that can follow "expected". */
  readonly expected: string;
}

/** A configuration that cannot be read. Its line and column are the first problem's. */
export class ConfigError extends WgBridgeError implements Diagnostic {
  static {
    recogniseAcrossCopies(ConfigError, "ConfigError");
    nameErrors(ConfigError, "ConfigError");
  }

  readonly line: number;
  readonly column: number;
  readonly problem: string;
  readonly expected: string;
  /** All problems, in their order in the file; one at least. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(first: Diagnostic, diagnostics: readonly Diagnostic[] = [first]) {
    super("WG_BRIDGE_CONFIG", describe(first, diagnostics.length - 1));
    this.line = first.line;
    this.column = first.column;
    this.problem = first.problem;
    this.expected = first.expected;
    this.diagnostics = diagnostics;
  }
}

function describe({ line, column, problem, expected }: Diagnostic, others: number): string {
  const more =
    others > 0 ? ` "wg-bridge check" shows ${counted(others, "other problem")} as well.` : "";
  return `Line ${line}, column ${column} of the configuration: ${problem}. Expected ${expected}.${more}`;
}
