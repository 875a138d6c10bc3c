/** Only this many characters of a text are compared. */
const maxLength = 40;

/**
 * Counts the characters that must be added, removed, replaced, or swapped with their neighbour to turn one
 * text into another. Source: Damerau, 1964 (optimal string alignment).
 */
export function editDistance(from: string, to: string): number {
  const [one, other] = [from.slice(0, maxLength), to.slice(0, maxLength)];
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const replaced = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      const swaps = one[at - 2] === other[to - 1] && one[at - 1] === other[to - 2];
      const swapped = swaps && to > 1 ? (before[to - 2] ?? 0) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[other.length] ?? 0;
}
