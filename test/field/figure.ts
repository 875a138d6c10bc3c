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
