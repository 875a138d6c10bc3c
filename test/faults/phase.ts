/** The parts of a tunnel's life, in their order. */
export const phases = ["start", "configure", "traffic", "stop"] as const;

export type Phase = (typeof phases)[number];

/** When each phase began, in seconds of Unix time. */
export type PhaseTimes = Readonly<Partial<Record<Phase, number>>>;

/** The phase at a time; start, before any began. */
export function phaseAt(times: PhaseTimes, at: number): Phase {
  return phases.findLast((phase) => (times[phase] ?? Number.POSITIVE_INFINITY) <= at) ?? "start";
}
