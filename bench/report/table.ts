import { printable } from "../../src/text/printable.js";
import { type Emphasis, plainStyle, type Style } from "../../src/text/style.js";
import type { Bench } from "../bench.js";
import type { Result, Verdict } from "../result.js";
import { failureTexts, notesOf, sectionsOf, verdict } from "./rows.js";

/** A cell of the terminal's table. */
interface TextCell {
  readonly text: string;
  readonly emphasis?: Emphasis | undefined;
}

const emphasisOf: Readonly<Record<Verdict, Emphasis>> = {
  better: "green",
  worse: "red",
  undecided: "dim",
  "too few rounds": "dim",
};

/** The result as a table for a terminal, with its failures and its verdict below. */
export function formatTable(bench: Bench, result: Result, style: Style = plainStyle): string {
  const { programs, goals, passed } = result;
  const heading = row(
    "",
    programs.map(({ name }) => [{ text: name }, { text: "" }]),
    "ffi/exec",
  );
  const outcome = row(
    "rounds passed",
    programs.map(({ rounds, roundsPassed }) => [
      { text: `${roundsPassed} of ${rounds}`, emphasis: roundsPassed === rounds ? "green" : "red" },
      { text: "" },
    ]),
  );
  const sections = sectionsOf(bench, result).map(({ title, rows }) => ({
    title,
    rows: rows.map(({ title, cells, ffiToExec }) =>
      row(
        `  ${title}`,
        cells.map(({ figure, ratio, verdict }) => [
          { text: figure },
          { text: ratio, emphasis: verdict === null ? undefined : emphasisOf[verdict] },
        ]),
        ffiToExec,
      ),
    ),
  }));
  // An empty column is left out: the ratios of the reference, and ffi/exec if nothing compares the two.
  const body = [outcome, ...sections.flatMap(({ rows }) => rows)];
  const widths = heading.map(({ text }, column) => {
    const width = Math.max(...body.map((cells) => cells[column]?.text.length ?? 0));
    return width === 0 ? 0 : Math.max(width, text.length);
  });
  const line = (cells: readonly TextCell[]) =>
    cells
      .flatMap(({ text, emphasis }, column) => {
        const width = widths[column] ?? 0;
        if (width === 0) return [];
        const padded = column === 0 ? text.padEnd(width) : text.padStart(width);
        return [emphasis === undefined ? padded : style(emphasis, padded)];
      })
      .join("  ")
      .trimEnd();
  const shown = widths.filter((width) => width > 0);
  const rule = "─".repeat(shown.reduce((sum, width) => sum + width + 2, -2));
  const lines = [
    style("bold", line(heading)),
    style("dim", rule),
    line(outcome),
    ...sections.flatMap(({ title, rows }) => [style("dim", title), ...rows.map(line)]),
    "",
    ...notesOf(bench, result).map((note) => style("dim", note)),
    ...goals.map(({ sentence, reached }) => style(reached ? "green" : "yellow", sentence)),
    ...failureTexts(bench, result).flatMap(({ sentence, output, judged }) => [
      "",
      style(judged ? "red" : "yellow", printable(sentence)),
      ...output.map((text) => style("dim", `  │ ${printable(text)}`)),
    ]),
    "",
    style(passed ? "green" : "red", verdict(bench, result)),
  ];
  return `${lines.join("\n")}\n`;
}

function row(title: string, cells: readonly (readonly TextCell[])[], ffiToExec = ""): TextCell[] {
  return [{ text: title }, ...cells.flat(), { text: ffiToExec }];
}
