import { printable } from "../../src/text/printable.js";
import { type Emphasis, plainStyle, type Style } from "../../src/text/style.js";
import type { Comparison, TcpRatio } from "./comparison.js";
import { failureTexts, startUpErrors } from "./failure-text.js";
import { legRows, notes, programRows, type Row } from "./rows.js";
import { verdict } from "./verdict.js";

const emphasisOf = new Map<string, Emphasis>([
  ["passed", "green"],
  ["failed", "red"],
]);

/** The comparison as a table for a terminal, with its failures and the verdict below. */
export function formatTable(comparison: Comparison, style: Style = plainStyle): string {
  const names = comparison.programs.map((program) => program.name);
  const heading: Row = { title: "", cells: names, ratio: "ffi/exec" };
  const summary = programRows(comparison);
  const sections = legRows(comparison).map(({ section, rows }) => ({
    section,
    rows: rows.map((row) => ({ ...row, title: `  ${row.title}` })),
  }));
  const mean = meanRow(comparison.tcpRatio, names.length);

  const widths = columnWidths([heading, ...summary, ...sections.flatMap(({ rows }) => rows), mean]);
  const line = (row: Row) => formatRow(row, widths, style);
  const rule = style("dim", "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2)));
  const lines = [
    style("bold", line(heading)),
    rule,
    ...summary.map(line),
    ...(sections.length > 0 ? [rule, style("bold", "Gbit/s, as iperf3's receiver saw them")] : []),
    ...sections.flatMap(({ section, rows }) => [style("dim", section), ...rows.map(line)]),
    ...(mean.ratio === "" ? [] : [rule, style(emphasisFor(comparison.tcpRatio), line(mean))]),
    "",
    ...notes.map((note) => style("dim", note)),
    ...startUpErrors(comparison).map((sentence) => style("yellow", sentence)),
    ...formatFailures(comparison, style),
    "",
    style(comparison.passed ? "green" : "red", verdict(comparison)),
  ];
  return `${lines.join("\n")}\n`;
}

function meanRow({ ffiToExec, legs, withinFivePercent }: TcpRatio, columns: number): Row {
  const cells = new Array<string>(columns).fill("");
  if (ffiToExec === null) return { title: "", cells, ratio: "" };
  cells[columns - 1] = withinFivePercent ? "within 5 %" : "beyond 5 %";
  return { title: `geometric mean of ${legs} TCP`, cells, ratio: ffiToExec.toFixed(3) };
}

function emphasisFor({ withinFivePercent }: TcpRatio): Emphasis {
  return withinFivePercent ? "green" : "yellow";
}

function columnWidths(rows: readonly Row[]): number[] {
  const cells = rows.map(({ title, cells, ratio }) => [title, ...cells, ratio]);
  return (cells[0] ?? []).map((_cell, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
}

/** The title on the left, the figures under each other on the right. */
function formatRow({ title, cells, ratio }: Row, widths: readonly number[], style: Style): string {
  const figures = [...cells, ratio].map((cell, column) => {
    const padded = cell.padStart(widths[column + 1] ?? 0);
    const emphasis = emphasisOf.get(cell);
    return emphasis === undefined ? padded : style(emphasis, padded);
  });
  return [title.padEnd(widths[0] ?? 0), ...figures].join("  ").trimEnd();
}

function formatFailures({ programs, script }: Comparison, style: Style): string[] {
  return programs.flatMap((program) =>
    failureTexts(program, script.steps).flatMap(({ sentence, command, lastLines }) => [
      "",
      style(program.judged ? "red" : "yellow", printable(sentence)),
      `  ${style("bold", printable(command))}`,
      ...lastLines.map((line) => style("dim", `  │ ${printable(line)}`)),
    ]),
  );
}
