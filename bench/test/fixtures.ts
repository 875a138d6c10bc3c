import { comparison } from "../netns/netns.js";
import type { Result } from "../result.js";
import type { Finding } from "../rounds.js";
import type { Machine } from "../sandbox/machine.js";
import { type Findings, summarise } from "../summary.js";
import { tunnels } from "../tunnels/tunnels.js";

/** A machine for results that were never measured. */
export const someMachine: Machine = {
  kernel: "6.18.0",
  architecture: "x64",
  processor: "Some Processor",
  processors: 2,
  node: "v20.19.0",
  congestionControls: ["reno", "bbr", "cubic"],
  congestionControl: "bbr",
  cipher: "AVX2",
};

/** The samples of one program: for each figure one sample a round, or null if there is none. */
export type Samples = Readonly<Record<string, readonly (number | null)[]>>;

/** Returns a program's findings: its samples, and `failures` in every round. */
export function findingsOf(
  name: string,
  samples: Samples,
  failures: readonly {
    readonly leg: string;
    readonly because: string;
    readonly output?: readonly string[];
  }[] = [],
): Findings {
  const judged = ["upstream", "exec", "ffi"].includes(name);
  const rounds = Math.max(...Object.values(samples).map((values) => values.length));
  const inRound = (round: number): Finding[] =>
    Object.entries(samples).flatMap(([id, values]) => {
      const value = values[round] ?? null;
      return value === null ? [] : [{ kind: "found", id, value }];
    });
  return {
    program: { name, command: [`/opt/${name}`], env: {}, host: null, judged },
    rounds: Array.from({ length: rounds }, (_, round) => [
      ...inRound(round),
      ...failures.map((failure) => ({ kind: "failed" as const, output: [], ...failure })),
    ]),
  };
}

/** Returns the result of the benchmark of tunnels for programs with the same number of rounds. */
export function resultOf(...programs: readonly Findings[]): Result {
  return summarise(tunnels, headingOf(programs), programs);
}

/** Returns the result of the comparison by netns.sh for programs with the same number of rounds. */
export function comparisonOf(...programs: readonly Findings[]): Result {
  const judged = ({ program }: Findings) => ["exec", "ffi"].includes(program.name);
  return summarise(
    // The real input is read from test/netns.sh.
    { ...comparison(), input: () => ({}) },
    headingOf(programs),
    programs.map((one) => ({ ...one, program: { ...one.program, judged: judged(one) } })),
  );
}

/** Returns the heading of a result with as many rounds as the programs have. */
export function headingOf(programs: readonly Findings[]) {
  return {
    startedAt: "2026-05-22T21:04:24.000Z",
    machine: someMachine,
    rounds: programs[0]?.rounds.length ?? 0,
    seconds: 1,
    congestion: { tcp: "cubic", "tcp-9000": "cubic", "IPv4 outside, MTU 1420": "bbr" },
  };
}

/** Returns samples of nine rounds around a value, within one percent. */
export function around(value: number): number[] {
  return [0, 2, -3, 1, 10, -10, -1, 3, -2].map((permille) => value * (1 + permille / 1000));
}

/** Upstream, exec and ffi in nine rounds, and a peer that cannot carry large packets. */
export const ordinary = resultOf(
  findingsOf("upstream", {
    start: around(30),
    "tcp-1420-1-up": around(1),
    "tcp-9000-1-up": around(2),
    "udp-250-loss": [0, 0, 0.5, 0, 0, 0, 0, 0, 0],
  }),
  findingsOf("small", { start: around(5), "tcp-1420-1-up": around(0.5) }, [
    { leg: "tcp-9000", because: "It does not carry a packet of 9000 bytes." },
  ]),
  findingsOf("exec", {
    start: around(10),
    "tcp-1420-1-up": around(1.5),
    "tcp-9000-1-up": [1, 3, 1.5, 2.5, 1.9, 2.1, 1, 3, 2],
    "udp-250-loss": [0, 0.1, 0, 0, 0, 0, 0, 0, 0],
  }),
  findingsOf("ffi", {
    start: around(90),
    "tcp-1420-1-up": around(1.5),
    "tcp-9000-1-up": around(4),
  }),
);

/** Returns the samples of a run of netns.sh that passes, with this goodput in its TCP tests and one UDP test. */
export function passing(gbitPerSecond: number, peakMemory = 20): Samples {
  return {
    steps: [251],
    duration: [72.4],
    "peak-memory": [peakMemory],
    "ipv4-outside-mtu-1420-tcp-ipv4": [gbitPerSecond],
    "ipv4-outside-mtu-1420-tcp-ipv6": [gbitPerSecond],
    "ipv4-outside-mtu-1420-udp-ipv4": [0.5],
    "start-background": [61.25],
    "start-foreground": [55],
  };
}

/** A failure of netns.sh at its eighteenth step. */
export const netnsFailure = {
  leg: "set-up",
  because: "exit status 1 at step 18, NS1: ip addr add 192.168.241.1/24 dev wg1",
  output: ['Cannot find device "wg1"'],
};

/** A comparison in which exec and ffi pass, and upstream's program does not. */
export const compared = comparisonOf(
  findingsOf("upstream", { steps: [17] }, [netnsFailure]),
  findingsOf("exec", passing(1.5)),
  findingsOf("ffi", passing(1.47, 80)),
);
