import type { Machine } from "../../bench/sandbox/machine.js";

/** Something that is measured of each program. */
export interface Figure {
  /** Its key in the JSON. */
  readonly id: string;
  readonly title: string;
  /** Decimals in the table. */
  readonly decimals: number;
}

/** What was measured of one program in one round, by the figures' ids. null: it could not be determined. */
export type Measured = Readonly<Record<string, number | null>>;

/** A case that every program goes through. */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** The load, the same for every program: "500 Mbit/s of 1,400 bytes, 5 s". */
  readonly offered: string;
}

/** What `scripts/field --json` writes. */
export interface FieldResult {
  readonly kind: string;
  readonly machine: Machine;
  /** When it began, by ISO 8601. */
  readonly began: string;
  readonly programs: readonly string[];
  readonly figures: readonly Figure[];
  readonly rows: readonly RowResult[];
  /** Rows that this kernel cannot make. */
  readonly skipped: readonly Skipped[];
}

/** A case, and what came out. */
export interface RowResult extends Row {
  /** By the program's name, a value for each round that could be measured. */
  readonly measured: Readonly<Record<string, readonly Measured[]>>;
  readonly failures: readonly Failure[];
}

/** A measurement that could not be done. */
export interface Failure {
  readonly program: string;
  readonly round: number;
  readonly because: string;
}

/** A row that this machine cannot have. */
export interface Skipped {
  readonly title: string;
  readonly because: string;
}
