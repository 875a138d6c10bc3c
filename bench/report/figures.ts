/** Stands for a figure that is not known. */
export const unknown = "–";

/** Writes a figure that may be unknown. */
export function figure(value: number | null, write: (value: number) => string): string {
  return value === null ? unknown : write(value);
}

/** Writes a figure with as many digits as its size calls for; a count as it is. */
export function formatFigure(value: number, unit: string): string {
  if (unit === "") return String(value);
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** Seconds as minutes and seconds: 1:07. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A ratio with two decimals. */
export function times(ratio: number): string {
  return ratio.toFixed(2);
}
