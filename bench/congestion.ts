import type { Machine } from "./sandbox/machine.js";

/** The congestion control that most of the world's hosts use. */
export const usual = "cubic";

/** What decides the congestion control of a leg. */
interface Choice {
  /** The algorithm that each leg prefers, by the leg's id; inherited: what new namespaces use. A leg without kernel TCP is absent. */
  readonly preferred: ReadonlyMap<string, string>;
  /** What --congestion asks for, in place of the usual one. */
  readonly asked: string | undefined;
  readonly machine: Machine;
}

/** Stands for the algorithm that new namespaces use. */
export const inherited = "inherited";

/** Returns the congestion control that kernel TCP uses in each of these legs. A leg without kernel TCP is absent. */
export function congestionOf(
  legs: readonly string[],
  { preferred, asked, machine }: Choice,
): Readonly<Record<string, string>> {
  const { congestionControls, congestionControl } = machine;
  return Object.fromEntries(
    legs.flatMap((leg) => {
      const own = preferred.get(leg);
      if (own === undefined) return [];
      const wanted = own === usual ? (asked ?? usual) : own;
      return [[leg, congestionControls.includes(wanted) ? wanted : congestionControl]];
    }),
  );
}

/** The usual congestion control, or the machine's if the kernel does not offer it. */
export function usualOf({ congestionControls, congestionControl }: Machine): string {
  return congestionControls.includes(usual) ? usual : congestionControl;
}

/** Says in a sentence which congestion control the legs had. undefined: none had one. */
export function congestionSentence(
  legs: readonly { readonly id: string; readonly congestion: string | null }[],
): string | undefined {
  const byAlgorithm = new Map<string, string[]>();
  for (const { id, congestion } of legs) {
    if (congestion === null) continue;
    byAlgorithm.set(congestion, [...(byAlgorithm.get(congestion) ?? []), id]);
  }
  const [[most, others] = [], ...rest] = [...byAlgorithm].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  if (most === undefined || others === undefined) return undefined;
  const exceptions = rest.map(([algorithm, ids]) => `; ${algorithm} in ${ids.join(", ")}`);
  return `Congestion control of TCP: ${most}${exceptions.join("")}.`;
}
