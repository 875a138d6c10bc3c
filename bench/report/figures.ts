/** What stands for a figure that is not known. */
export const unknown = "–";

/** Writes a figure that may be unknown. */
export function figure(value: number | null, write: (value: number) => string): string {
  return value === null ? unknown : write(value);
}

/** Seconds as minutes and seconds: 1:07. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Bytes as MiB with one decimal. */
export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Gbit/s with three decimals; iperf3 itself gives three digits. */
export function gbit(perSecond: number): string {
  return perSecond.toFixed(3);
}

/** Milliseconds with one decimal. */
export function milliseconds(value: number): string {
  return value.toFixed(1);
}

/** A ratio with two decimals. */
export function times(ratio: number): string {
  return ratio.toFixed(2);
}

/** "17 of 251", or "17" where the whole is unknown. */
export function outOf(part: number, whole: number | null): string {
  return whole === null ? String(part) : `${part} of ${whole}`;
}
