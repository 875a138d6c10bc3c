import type { Leg } from "../../tunnels/figures.js";
import type { BenchResult } from "../../tunnels/result.js";
import { summarise, type Told } from "../../tunnels/summary.js";
import type { Finding } from "../../tunnels/visit.js";
import { someMachine } from "../sandbox/some-machine.js";

/** What one program found in each round: a sample of each figure, or null where it found none. */
export type Samples = Readonly<Record<string, readonly (number | null)[]>>;

/** What a program told in its rounds; it failed in `failures`, in every round. */
export function told(
  name: string,
  samples: Samples,
  failures: readonly { readonly leg: Leg; readonly because: string }[] = [],
): Told {
  const judged = ["upstream", "exec", "ffi"].includes(name);
  const rounds = Math.max(...Object.values(samples).map((values) => values.length));
  const found = (round: number): Finding[] =>
    Object.entries(samples).flatMap(([id, values]) => {
      const value = values[round] ?? null;
      return value === null ? [] : [{ kind: "found", id, value }];
    });
  return {
    program: { name, command: [`/opt/${name}`], env: {}, host: null, judged },
    rounds: Array.from({ length: rounds }, (_, round) => [
      ...found(round),
      ...failures.map((failure) => ({ kind: "failed" as const, ...failure })),
    ]),
  };
}

/** A result of these programs; each must have the same number of rounds. */
export function resultOf(...programs: readonly Told[]): BenchResult {
  const heading = {
    startedAt: "2026-05-22T21:04:24.000Z",
    machine: someMachine,
    rounds: programs[0]?.rounds.length ?? 0,
    seconds: 1,
  };
  return summarise(heading, programs);
}

/** Nine rounds around a value, none more than a hundredth off. */
export function around(value: number): number[] {
  return [0, 2, -3, 1, 10, -10, -1, 3, -2].map((off) => value * (1 + off / 1000));
}

/** Upstream, exec and ffi in nine rounds, and a peer that cannot carry large packets. */
export const ordinary = resultOf(
  told("upstream", {
    start: around(30),
    "tcp-1420-1-up": around(1),
    "tcp-9000-1-up": around(2),
    "udp-250-loss": [0, 0, 0.5, 0, 0, 0, 0, 0, 0],
  }),
  told("small", { start: around(5), "tcp-1420-1-up": around(0.5) }, [
    { leg: "tcp-9000", because: "It does not carry a packet of 9000 bytes." },
  ]),
  told("exec", {
    start: around(10),
    "tcp-1420-1-up": around(1.5),
    "tcp-9000-1-up": [1, 3, 1.5, 2.5, 1.9, 2.1, 1, 3, 2],
    "udp-250-loss": [0, 0.1, 0, 0, 0, 0, 0, 0, 0],
  }),
  told("ffi", { start: around(90), "tcp-1420-1-up": around(1.5), "tcp-9000-1-up": around(4) }),
);
