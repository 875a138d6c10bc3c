import type { Goal } from "../bench.js";
import { median, ratio } from "../report/statistics.js";
import type { FigureResult } from "../result.js";

/** A ratio of two programs, or a figure by itself, and what it is to be. */
interface Target {
  /** "one stream up". */
  readonly what: string;
  readonly figure: string;
  readonly program: string;
  /** The program that it is compared with. undefined: the figure itself is judged. */
  readonly to?: string;
  readonly unit?: string;
  readonly least?: number;
  readonly most?: number;
  /** Better than what decides. With a least and a most, how far from 1; with one of them, in its place. */
  readonly aim?: number;
}

/** Both userspace backends. */
const backends = ["exec", "ffi"] as const;

const toUpstream = { program: "netstack", to: "upstream" } as const;
const ofBoth = (target: Omit<Target, "program">): Target[] =>
  backends.map((program) => ({ ...target, program }));

/** How far ffi may be from exec. */
const alike = (what: string, figure: string): Target => ({
  ...{ what, figure, program: "ffi", to: "exec", least: 0.9, most: 1.1, aim: 0.05 },
});

const targets: readonly Target[] = [
  { what: "one stream up", figure: "tcp-1-up", ...toUpstream, least: 2.3, aim: 3 },
  { what: "one stream down", figure: "tcp-1-down", ...toUpstream, least: 2, aim: 2.5 },
  { what: "CPU, one stream up", figure: "tcp-1-up-cpu", ...toUpstream, most: 0.28, aim: 0.22 },
  { what: "CPU, one stream down", figure: "tcp-1-down-cpu", ...toUpstream, most: 0.42, aim: 0.35 },
  { what: "four streams up", figure: "tcp-4-up", ...toUpstream, least: 2.2 },
  { what: "four streams down", figure: "tcp-4-down", ...toUpstream, least: 2.2 },
  { what: "MTU 1280, up", figure: "tcp-1280-1-up", ...toUpstream, least: 1.9 },
  { what: "MTU 1280, down", figure: "tcp-1280-1-down", ...toUpstream, least: 1.9 },
  { what: "MTU 9000, up", figure: "tcp-9000-1-up", ...toUpstream, least: 1.4 },
  { what: "MTU 9000, down", figure: "tcp-9000-1-down", ...toUpstream, least: 1.4 },
  {
    ...{ what: "a slow path", figure: "slow-path-1-up", program: "netstack", to: "tun" },
    ...{ least: 0.85, aim: 0.95 },
  },
  ...ofBoth({ what: "a forward, up", figure: "forward-up", to: "wireproxy", least: 2.5, aim: 3 }),
  ...ofBoth({
    what: "a forward, down",
    figure: "forward-down",
    to: "wireproxy",
    least: 1.8,
    aim: 2.2,
  }),
  ...ofBoth({ what: "a forward, up", figure: "forward-up", to: "onetun", least: 5 }),
  ...ofBoth({ what: "a forward, down", figure: "forward-down", to: "onetun", least: 5 }),
  ...ofBoth({ what: "a forward, up", figure: "forward-up", to: "tun", least: 0.75, aim: 1 }),
  ...ofBoth({ what: "a forward, down", figure: "forward-down", to: "tun", least: 0.75, aim: 1 }),
  ...ofBoth({
    what: "CPU, a forward, up",
    figure: "forward-up-cpu",
    to: "tun",
    most: 1.25,
    aim: 1,
  }),
  ...ofBoth({
    what: "CPU, a forward, down",
    figure: "forward-down-cpu",
    to: "tun",
    most: 1.25,
    aim: 1,
  }),
  ...ofBoth({ what: "a Node.js stream up", figure: "node-up", to: "tun", least: 0.7, aim: 0.9 }),
  ...ofBoth({ what: "a Node.js stream down", figure: "node-down", to: "tun", least: 0.8, aim: 1 }),
  alike("a stream up", "node-up"),
  alike("a stream down", "node-down"),
  alike("CPU, a stream up", "node-up-cpu"),
  alike("CPU, a stream down", "node-down-cpu"),
  ...ofBoth({ what: "requests, 1 connection", figure: "http-1", to: "tun", least: 0.6, aim: 0.75 }),
  ...ofBoth({ what: "requests, 50 connections", figure: "http-50", to: "tun", least: 0.9, aim: 1 }),
  ...ofBoth({
    what: "connect, echo and close",
    figure: "connections",
    to: "tun",
    most: 2,
    aim: 1.5,
  }),
  {
    ...{ what: "peak memory of the child", figure: "node-memory", program: "exec" },
    ...{ unit: "MiB", most: 32, aim: 24 },
  },
  ...ofBoth({ what: "an idle stream", figure: "idle", unit: "KiB", most: 48, aim: 32 }),
  ...ofBoth({ what: "UDP echo", figure: "datagrams", unit: "kpps", least: 40, aim: 80 }),
];

/** Judges the medians of the ratios, each of two samples of one round. */
export function goalsOf(figures: readonly FigureResult[]): Goal[] {
  return targets.flatMap((target) => {
    const { what, program, to, unit, least, most, aim } = target;
    const measured = figures.find(({ id }) => id === target.figure)?.programs;
    const samples = measured?.[program]?.samples ?? [];
    const others = to === undefined ? undefined : measured?.[to]?.samples;
    const values = samples.flatMap(
      (sample, round) => (to === undefined ? sample : ratio(sample, others?.[round] ?? null)) ?? [],
    );
    const value = median(values);
    if (value === null) return [];
    const figure =
      to === undefined ? `${value.toFixed(1)} ${unit}` : `${value.toFixed(2)} of ${to}`;
    const bounds = [
      ...(least === undefined ? [] : [`at least ${least}`]),
      ...(most === undefined ? [] : [`at most ${most}`]),
    ];
    const reached = value >= (least ?? -Infinity) && value <= (most ?? Infinity);
    const goal = `the goal is ${bounds.join(" and ")}: ${verdictOf(reached)}`;
    const further =
      aim === undefined
        ? ""
        : `; the aim is ${aimOf(target)}: ${verdictOf(isAimed(target, value))}`;
    return [{ sentence: `${program}: ${what}, ${figure}; ${goal}${further}.`, reached }];
  });
}

function aimOf({ least, most, aim }: Target): string {
  return least !== undefined && most !== undefined ? `within ${aim} of 1` : `${aim}`;
}

function isAimed({ least, most, aim = 0 }: Target, value: number): boolean {
  if (least !== undefined && most !== undefined) return Math.abs(value - 1) <= aim;
  return least === undefined ? value <= aim : value >= aim;
}

function verdictOf(isReached: boolean): string {
  return isReached ? "reached" : "missed";
}
