/**
 * How a thing is. ok: as it should be. warn: missing, but there is another way, or only the
 * comparison or the build needs it. lack: missing, and something that wg-bridge does needs it.
 */
export type Mark = "ok" | "warn" | "lack";

/** One thing that was looked at. */
export interface Finding {
  /** Stable, for programs: "tun", "tool wg". */
  readonly id: string;
  readonly title: string;
  readonly mark: Mark;
  /** One line: what was found. */
  readonly detail: string;
  /** Commands for a shell; those that need root say so by being system administration. */
  readonly cures: readonly string[];
}
