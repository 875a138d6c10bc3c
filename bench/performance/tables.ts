import { congestionSentence } from "../congestion.js";
import { formatFigure, times } from "../report/figures.js";
import type { Closeness, Measured, Result, Verdict } from "../result.js";
import { machineSentence } from "../sandbox/machine.js";

/** A row of a table: one figure, or several that belong together. */
export interface Row {
  readonly title: string;
  readonly ids: readonly string[];
}

/** A measurement, and what was measured. */
export interface Measurement {
  readonly result: Result;
  /** Its short name, with "and changes" if the working tree had some. */
  readonly commit: string;
}

const marks: Readonly<Record<Verdict | Closeness["verdict"], string>> = {
  ...{ better: "", worse: "", undecided: "~", "too few rounds": "?" },
  ...{ within: "=", beyond: "!" },
};

/** What was measured where, and what the signs mean. */
export function heading({ result, commit }: Measurement): string {
  const { startedAt, machine, rounds, reference, legs, programs, figures } = result;
  const most = Math.max(...programs.map((program) => program.rounds));
  const further = most > rounds ? `, up to ${most} of exec and ffi` : "";
  const often = rounds === 1 ? "One round" : `Medians of ${rounds} interleaved rounds`;
  const compares = figures.some(({ ffiToExec }) => ffiToExec !== null);
  return [
    `${often}${further}, begun ${startedAt.slice(0, 10)} on commit ${commit}.`,
    machineSentence(machine),
    congestionSentence(legs) ?? "",
    `Beside ${reference ?? "nothing"}, ratios to it in the same round; ~: the noise allows no verdict, ?: too few rounds for one.`,
    compares ? "ffi to exec: = within 3 percent, ! beyond." : "",
  ]
    .filter((sentence) => sentence !== "")
    .join("\n");
}

/** A table with a column for each program. Rows without a figure are left out. */
export function programTable(
  { figures, programs, reference }: Result,
  rows: readonly Row[],
): string {
  const columns = programs.map(({ name }) => name);
  const isCompared = columns.includes("exec") && columns.includes("ffi");
  const body = rows.flatMap(({ title, ids }) => {
    const own = ids.flatMap((id) => figures.find((figure) => figure.id === id) ?? []);
    if (own.length === 0) return [];
    const cells = columns.map((name) =>
      own
        .flatMap(({ programs, unit }) => cell(programs[name], unit, name === reference))
        .join(", "),
    );
    const close = own.flatMap(({ ffiToExec }) => (ffiToExec === null ? [] : ratio(ffiToExec)));
    return [[title, ...cells, ...(isCompared ? [close.join(", ")] : [])]];
  });
  return table(["figure", ...columns, ...(isCompared ? ["ffi to exec"] : [])], body);
}

/** A table with a row for each lever that was switched off, as ratios to the same program with all of them. */
export function leverTable(
  { figures, programs, reference }: Result,
  columns: readonly Row[],
): string {
  const shown = columns.flatMap(({ title, ids }) =>
    figures.filter(({ id }) => ids.includes(id)).map((figure) => ({ title, figure })),
  );
  const body = programs
    .filter(({ name }) => name !== reference)
    .map(({ name }) => [
      `\`${name.replace(`${reference} -`, "")}\``,
      ...shown.map(({ figure }) => cell(figure.programs[name], figure.unit, false).join("")),
    ]);
  return table(["without", ...shown.map(({ title }) => title)], body);
}

/** One program's figure: the ratio, or the median of the reference and where there is no ratio. */
function cell(measured: Measured | undefined, unit: string, isReference: boolean): string[] {
  if (measured === undefined) return [];
  const { toReference, median } = measured;
  if (toReference !== null) return [ratio(toReference)];
  const figure = formatFigure(median, unit);
  return [isReference ? figure : `${figure} ${unit}`];
}

function ratio({ median, verdict }: { median: number; verdict: Verdict | Closeness["verdict"] }) {
  return `${times(median)}${marks[verdict]}`;
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...body.map(line)].join("\n");
}

/**
 * Puts a text between the marks of a name in a page, in place of what is there.
 * @throws Error if the page has no such marks
 */
export function replaceBlock(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- measured: ${name} -->\n`, `<!-- end: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`The page has no marks for ${name}.`);
  return `${page.slice(0, from)}${begin}${text}\n${page.slice(to)}`;
}
