import { times, unknown } from "../report/figures.js";
import { formatFigure } from "./figures.js";
import type { BenchResult, FfiToExec, ProgramFigure, Verdict } from "./result.js";

/** A line of the result: a title, two cells for each program, and how ffi compares with exec. */
export interface Row {
  readonly title: string;
  readonly cells: readonly Cell[];
  readonly ffiToExec: string;
}

/** A figure of one program. */
export interface Cell {
  /** "1.25 ±4%"; "1.25" where fewer than three samples have no spread to speak of. */
  readonly figure: string;
  /** "1.41+"; empty for upstream. */
  readonly ratio: string;
  /** "1.35 to 1.47"; empty where it is not known. */
  readonly interval: string;
  readonly verdict: Verdict | null;
}

const marks: Readonly<Record<Verdict | FfiToExec["verdict"], string>> = {
  better: "+",
  worse: "-",
  undecided: "~",
  "too few rounds": "?",
  within: "=",
  beyond: "!",
};

/** All lines, in the order of the figures. */
export function rows({ figures, programs }: BenchResult): Row[] {
  return figures.map((figure) => ({
    title: `${figure.title}, ${figure.unit}`,
    cells: programs.map(({ name }) => cell(figure.programs[name])),
    ffiToExec:
      figure.ffiToExec === null
        ? ""
        : `${times(figure.ffiToExec.median)}${marks[figure.ffiToExec.verdict]}`,
  }));
}

/** What one program has of a figure. */
export function cell(figure: ProgramFigure | undefined): Cell {
  if (figure === undefined) return { figure: unknown, ratio: "", interval: "", verdict: null };
  const { samples, median, quartiles, toUpstream } = figure;
  const known = samples.filter((sample) => sample !== null).length;
  const half = median === 0 ? 0 : ((quartiles.high - quartiles.low) / 2 / median) * 100;
  const interval = toUpstream?.interval;
  return {
    figure: `${formatFigure(median)}${known < 3 ? "" : ` ±${half.toFixed(0)}%`}`,
    ratio: toUpstream ? `${times(toUpstream.median)}${marks[toUpstream.verdict]}` : "",
    interval: interval ? `${times(interval.low)} to ${times(interval.high)}` : "",
    verdict: toUpstream?.verdict ?? null,
  };
}
