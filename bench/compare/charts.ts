import type { Bar, BarChart, BarGroup } from "../report/bar-chart.js";
import { figure, gbit, mebibytes, milliseconds, outOf } from "../report/figures.js";
import type { Comparison, ProgramResult } from "./comparison.js";
import { legRows } from "./rows.js";

/** The class that gives a program its colour in every plot. */
export function colourOf(program: ProgramResult, programs: readonly ProgramResult[]): string {
  return program.judged ? program.name : `other-${programs.indexOf(program) % 4}`;
}

/** What each program has one figure of: steps, memory, start-up. */
export function programCharts({ programs, script }: Comparison): BarChart[] {
  const chart = (
    title: string,
    unit: string,
    value: (program: ProgramResult) => number | null,
    label: (value: number) => string,
    whole?: number | null,
  ): BarChart => {
    const groups = programs.map((program) => ({
      label: program.name,
      bars: [bar(program, programs, value(program), label)],
    }));
    return { title, groups, unit, most: whole ?? most(groups) };
  };
  return [
    chart(
      "Steps passed, in the worst run",
      "steps",
      (program) => program.stepsPassed,
      (steps) => outOf(steps, script.steps),
      script.steps,
    ),
    chart(
      "Peak memory",
      "MiB",
      (program) => program.peakMemoryBytes && program.peakMemoryBytes / 2 ** 20,
      (size) => `${mebibytes(size * 2 ** 20)} MiB`,
    ),
    chart(
      "Start-up, PROGRAM INTERFACE",
      "ms",
      ({ startUp }) => startUp.background.milliseconds,
      (time) => `${milliseconds(time)} ms`,
    ),
    chart(
      "Start-up, PROGRAM -f INTERFACE",
      "ms",
      ({ startUp }) => startUp.foreground.milliseconds,
      (time) => `${milliseconds(time)} ms`,
    ),
  ];
}

/** A chart for each traffic section, all to one scale. */
export function legCharts(comparison: Comparison): BarChart[] {
  const { programs } = comparison;
  const panels = legRows(comparison).map(({ section, legs }) => ({
    section,
    groups: legs.map((leg) => ({
      label: `${leg.transport} over ${leg.inside}`,
      bars: programs.map((program) =>
        bar(program, programs, leg.gbitPerSecond[program.name] ?? null, gbit),
      ),
    })),
  }));
  const scale = most(panels.flatMap(({ groups }) => groups));
  return panels.map(({ section, groups }) => ({
    title: section,
    groups,
    unit: "Gbit/s",
    most: scale,
  }));
}

function bar(
  program: ProgramResult,
  programs: readonly ProgramResult[],
  value: number | null,
  label: (value: number) => string,
): Bar {
  const colour = colourOf(program, programs);
  return { series: program.name, colour, value, label: figure(value, label) };
}

function most(groups: readonly BarGroup[]): number {
  return Math.max(0, ...groups.flatMap(({ bars }) => bars.flatMap(({ value }) => value ?? [])));
}
