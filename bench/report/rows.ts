import type { Bench } from "../bench.js";
import { congestionSentence } from "../congestion.js";
import type { Closeness, Failure, Measured, ProgramResult, Result, Verdict } from "../result.js";
import { formatFigure, times, unknown } from "./figures.js";

/** The rows of one leg. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A row of the table: a title, a cell for each program, and how ffi compares with exec. */
export interface Row {
  readonly title: string;
  readonly cells: readonly Cell[];
  /** "1.02="; empty if the two are not compared. */
  readonly ffiToExec: string;
}

/** A figure of one program. */
export interface Cell {
  /** "1.25 ±4%"; "1.25" if fewer than three samples have no spread to speak of. */
  readonly figure: string;
  /** "1.41+"; empty for the reference. */
  readonly ratio: string;
  /** "1.35 to 1.47"; empty if it is not known. */
  readonly interval: string;
  readonly verdict: Verdict | null;
}

const marks: Readonly<Record<Verdict | Closeness["verdict"], string>> = {
  better: "+",
  worse: "-",
  undecided: "~",
  "too few rounds": "?",
  within: "=",
  beyond: "!",
};

/** All rows, by legs, in the order of the figures. */
export function sectionsOf({ legs }: Bench, { figures, programs }: Result): Section[] {
  return legs.flatMap(({ id, title }) => {
    const own = figures.filter(({ leg }) => leg === id);
    const rows = own.map(({ title, unit, programs: measured, ffiToExec }) => ({
      title: unit === "" ? title : `${title}, ${unit}`,
      cells: programs.map(({ name }) => cell(measured[name], unit)),
      ffiToExec: ffiToExec === null ? "" : `${times(ffiToExec.median)}${marks[ffiToExec.verdict]}`,
    }));
    return rows.length === 0 ? [] : [{ title, rows }];
  });
}

/** What one program has of a figure. */
export function cell(figure: Measured | undefined, unit: string): Cell {
  if (figure === undefined) return { figure: unknown, ratio: "", interval: "", verdict: null };
  const { samples, median, quartiles, toReference } = figure;
  const known = samples.filter((sample) => sample !== null).length;
  const half = median === 0 ? 0 : ((quartiles.high - quartiles.low) / 2 / median) * 100;
  const interval = toReference?.interval;
  return {
    figure: `${formatFigure(median, unit)}${known < 3 ? "" : ` ±${half.toFixed(0)}%`}`,
    ratio: toReference ? `${times(toReference.median)}${marks[toReference.verdict]}` : "",
    interval: interval ? `${times(interval.low)} to ${times(interval.high)}` : "",
    verdict: toReference?.verdict ?? null,
  };
}

/** What came out, in one sentence. */
export function verdict({ subject }: Bench, { programs, rounds }: Result): string {
  const judged = programs.filter((program) => program.judged);
  const failed = judged.filter((program) => program.roundsPassed < program.rounds);
  if (failed.length > 0 || judged.length === 0) {
    const counts = failed.map(
      ({ name, rounds, roundsPassed }) => `${name} (${roundsPassed} of ${rounds})`,
    );
    return `Not every round passed: ${counts.join(", ")}.`;
  }
  const names = new Intl.ListFormat("en-GB").format(judged.map(({ name }) => name));
  return `${names} passed ${subject}${rounds === 1 ? "" : `, ${rounds} of ${rounds} times`}.`;
}

/** A failure for a person. */
export interface FailureText extends Pick<Failure, "output"> {
  readonly sentence: string;
  readonly judged: boolean;
}

/** All failures of all programs. */
export function failureTexts({ legs }: Bench, { programs }: Result): FailureText[] {
  return programs.flatMap(({ name, rounds: all, failures, judged }: ProgramResult) =>
    failures.map(({ leg, because, rounds, output }) => {
      const title = legs.find(({ id }) => id === leg)?.title ?? leg;
      const shown = `${rounds.slice(0, 10).join(", ")}${rounds.length > 10 ? ", …" : ""}`;
      const when = all === 1 ? "" : ` in round${rounds.length === 1 ? "" : "s"} ${shown} of ${all}`;
      return { judged, output, sentence: `${name} failed in "${title}"${when}: ${because}` };
    }),
  );
}

/** What the figures mean, as sentences. */
export function notesOf(
  bench: Bench,
  { reference, rounds, noise, legs, programs }: Result,
): string[] {
  const congestion = congestionSentence(legs);
  const most = Math.max(rounds, ...programs.map((program) => program.rounds));
  const spread = rounds < 3 ? "" : ", ± half the distance of their quartiles";
  return [
    `Each figure: the median of the rounds${spread}${reference === null ? "" : `, and the ratio to ${reference} in the same round`}.`,
    ...(reference === null
      ? []
      : [
          `+ better, - worse than ${reference} with 95 percent confidence; ~ the noise allows no verdict; ? fewer than six rounds.`,
        ]),
    ...(bench.figures.some(({ ffiToExec }) => ffiToExec)
      ? [
          `ffi/exec: = within 3 percent, ! beyond, ~ undecided, ? fewer than six rounds${most > rounds ? `; up to ${most} rounds where ${rounds} did not decide` : ""}.`,
        ]
      : []),
    ...bench.notes,
    ...(congestion === undefined ? [] : [congestion]),
    ...(noise.reference === null
      ? []
      : [
          `Noise: half of the samples of ${reference} were within ${percent(noise.reference)} of each other${noise.ratios === null ? "" : `, half of exec's ratios to it within ${percent(noise.ratios)}`}.`,
        ]),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
