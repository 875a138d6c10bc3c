import type { Machine } from "../../bench/sandbox/machine.js";

/** Something that is measured for each program. */
export interface Figure {
  /** Its key in the JSON. */
  readonly id: string;
  readonly title: string;
  /** Decimals in the table. */
  readonly decimals: number;
}

/** The values of one program in one round, by the figures' ids. null: not known. */
export type Measured = Readonly<Record<string, number | null>>;

/** A case in which every program is measured. */
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
  /** The time at which it began, in ISO 8601. */
  readonly began: string;
  readonly programs: readonly string[];
  readonly figures: readonly Figure[];
  readonly rows: readonly RowResult[];
  /** Rows that this kernel does not support. */
  readonly skipped: readonly Skipped[];
}

/** A case and its values. */
export interface RowResult extends Row {
  /** By the program's name, the values of each round that could be measured. */
  readonly measured: Readonly<Record<string, readonly Measured[]>>;
  readonly failures: readonly Failure[];
}

/** A measurement that failed. */
export interface Failure {
  readonly program: string;
  readonly round: number;
  readonly because: string;
}

/** A row that this kernel does not support. */
export interface Skipped {
  readonly title: string;
  readonly because: string;
}
