import { clock, figure, gbit, mebibytes, milliseconds, outOf, times } from "../report/figures.js";
import { ratio } from "../report/statistics.js";
import type { ComparedLeg, Comparison, ProgramResult } from "./comparison.js";
import type { Section } from "./sections.js";

/** A line of the comparison: a title, a cell for each program, and how ffi compares with exec. */
export interface Row {
  readonly title: string;
  /** In the order of the programs. */
  readonly cells: readonly string[];
  /** ffi to exec; empty where there is none or it means nothing. */
  readonly ratio: string;
}

/** The lines about the programs as a whole. */
export function programRows({ programs, repeats, script }: Comparison): Row[] {
  const row = (title: string, cell: (program: ProgramResult) => string): Row => ({
    title,
    cells: programs.map(cell),
    ratio: "",
  });
  const measured = (
    title: string,
    value: (program: ProgramResult) => number | null,
    write: (value: number) => string,
  ): Row => ({
    ...row(title, (program) => figure(value(program), write)),
    ratio: ffiToExec(programs, value),
  });
  return [
    row("netns.sh", (program) => (program.runsPassed === repeats ? "passed" : "failed")),
    ...(repeats > 1 ? [row("runs passed", (program) => outOf(program.runsPassed, repeats))] : []),
    row("steps passed", (program) => outOf(program.stepsPassed, script.steps)),
    row("time, min:s", (program) => figure(program.seconds, clock)),
    measured("start-up, ms", ({ startUp }) => startUp.background.milliseconds, milliseconds),
    measured("start-up -f, ms", ({ startUp }) => startUp.foreground.milliseconds, milliseconds),
    measured("peak memory, MiB", ({ peakMemoryBytes }) => peakMemoryBytes, mebibytes),
  ];
}

/** The iperf3 tests of one section of netns.sh. */
export interface LegRows {
  readonly section: Section;
  readonly legs: readonly ComparedLeg[];
  readonly rows: readonly Row[];
}

/** The lines about the iperf3 tests, in Gbit/s, by the sections of netns.sh. */
export function legRows({ programs, legs }: Comparison): LegRows[] {
  const row = (leg: ComparedLeg): Row => ({
    title: `${leg.transport} over ${leg.inside}`,
    cells: programs.map(({ name }) => figure(leg.gbitPerSecond[name] ?? null, gbit)),
    ratio: figure(leg.ffiToExec, times),
  });
  return [...new Set(legs.map((leg) => leg.section))].map((section) => {
    const ofSection = legs.filter((leg) => leg.section === section);
    return { section, legs: ofSection, rows: ofSection.map(row) };
  });
}

/** What the figures mean, as sentences. */
export const notes = [
  "Gbit/s: goodput at iperf3's receiver, median of the runs. Time: median of the runs that passed.",
  "Start-up: launch to UAPI answering, median of 5, as PROGRAM INTERFACE and as PROGRAM -f INTERFACE.",
  "Peak memory: largest VmHWM of a holder of /dev/net/tun, sampled 4 times a second; ffi includes Node.",
] as const;

function ffiToExec(
  programs: readonly ProgramResult[],
  value: (program: ProgramResult) => number | null,
): string {
  const [ffi, exec] = ["ffi", "exec"].map((name) => {
    const program = programs.find((candidate) => candidate.name === name);
    return program === undefined ? null : value(program);
  });
  const quotient = ratio(ffi ?? null, exec ?? null);
  return quotient === null ? "" : times(quotient);
}
