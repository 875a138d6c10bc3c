import { WgBridgeError } from "../errors.js";
import { recogniseAcrossCopies } from "../recognition.js";

/** What is wrong at one place of a configuration file. No text of it repeats a key. */
export interface Diagnostic {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong, as a sentence without its full stop. */
  readonly fault: string;
  /** What would be right, as words that can follow "expected". */
  readonly expected: string;
}

/** A configuration that cannot be read. Its line and column are the first fault's. */
export class ConfigError extends WgBridgeError implements Diagnostic {
  static {
    recogniseAcrossCopies(ConfigError, "ConfigError");
  }

  readonly line: number;
  readonly column: number;
  readonly fault: string;
  readonly expected: string;
  /** All faults, in their order in the file; one at least. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(first: Diagnostic, diagnostics: readonly Diagnostic[] = [first]) {
    super("WG_BRIDGE_CONFIG", describe(first, diagnostics.length - 1));
    this.line = first.line;
    this.column = first.column;
    this.fault = first.fault;
    this.expected = first.expected;
    this.diagnostics = diagnostics;
  }
}

function describe({ line, column, fault, expected }: Diagnostic, others: number): string {
  const more = others === 0 ? "" : ` There are ${others} more: see "wg-bridge check".`;
  return `Line ${line}, column ${column} of the configuration: ${fault}. Expected ${expected}.${more}`;
}
