import { nameErrors, WgBridgeError } from "../errors.js";
import { recogniseAcrossCopies } from "../recognition.js";
import { counted } from "../text/quote.js";

/** What is wrong at one place of a configuration file. It never repeats a key. */
export interface Diagnostic {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong, as a sentence without a capital and a full stop. */
  readonly problem: string;
  /** What would be right, as a phrase that follows "expected". */
  readonly expected: string;
}

/** A configuration that cannot be read. Its own line, column, problem and expected are the first one's. */
export class ConfigError extends WgBridgeError implements Diagnostic {
  static {
    recogniseAcrossCopies(ConfigError, "ConfigError");
    nameErrors(ConfigError, "ConfigError");
  }

  readonly line: number;
  readonly column: number;
  readonly problem: string;
  readonly expected: string;
  /** All problems, at least one, in the order of the file. */
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
