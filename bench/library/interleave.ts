/** One thing to measure: runs once, and resolves with how long it took, in milliseconds. */
export type Measured = () => Promise<number>;

/** How long work takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Measures things in turns, so that a machine that changes its speed changes all of them, and returns
 * each one's times. The first round warms up and does not count.
 */
export async function interleave<Name extends string>(
  rounds: number,
  things: Readonly<Record<Name, Measured>>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries<Measured>(things)) {
      const took = await measure();
      if (round > 0) times.set(name, [...(times.get(name) ?? []), took]);
    }
  }
  return times;
}

/** The middle value; of an even number of them the upper one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of the ratios round by round: what a change of the machine's speed touches least. */
export function ratio(
  times: ReadonlyMap<string, readonly number[]>,
  of: string,
  to: string,
): number {
  const below = times.get(to) ?? [];
  return median((times.get(of) ?? []).map((time, round) => time / (below[round] ?? Number.NaN)));
}

/** Prints one figure beside its goal. */
export function report(what: string, figure: number, goal: string, reached: boolean): void {
  console.log(
    `${what.padEnd(58)} ${figure.toFixed(3).padStart(8)}   goal: ${goal}${reached ? "" : "   NOT REACHED"}`,
  );
}
