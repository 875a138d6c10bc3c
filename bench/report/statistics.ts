/** The middle value, or the mean of the two in the middle. null: there are none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/** The geometric mean of ratios, all above 0. null: there are none. */
export function geometricMean(ratios: readonly number[]): number | null {
  if (ratios.length === 0) return null;
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

/** a / b. null: one of them is unknown, or not above 0. */
export function ratio(a: number | null, b: number | null): number | null {
  return a === null || b === null || a <= 0 || b <= 0 ? null : a / b;
}

/**
 * The value below which a share of the values lies, interpolated between two of them. null: there are none.
 * @param share from 0 to 1
 */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [lower, upper] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (lower === undefined || upper === undefined) return null;
  return lower + (upper - lower) * (place - Math.floor(place));
}

/** Bounds of something that is known from samples alone. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * A confidence interval of the median of the distribution that the values come from, of at least 95 percent,
 * whatever that distribution is: between two order statistics. null: there are fewer than six values.
 */
export function medianInterval(values: readonly number[]): Interval | null {
  const sorted = [...values].sort((a, b) => a - b);
  // The chance that the median lies outside the k-th values from both ends is 2 P(Bin(n, 1/2) < k).
  let outside = 0;
  let ways = 1;
  let k = 0;
  for (; k < sorted.length / 2; k++) {
    outside += 2 * ways * 0.5 ** sorted.length;
    if (outside > 0.05) break;
    ways = (ways * (sorted.length - k)) / (k + 1);
  }
  const [low, high] = [sorted[k - 1], sorted[sorted.length - k]];
  return low === undefined || high === undefined ? null : { low, high };
}
