import { figure, times, unknown } from "../../bench/report/figures.js";
import { median, ratio } from "../../bench/report/statistics.js";
import { alignColumns } from "../suite/table.js";
import { reference } from "./programs.js";
import type { FieldResult, Figure, RowResult } from "./result.js";

/** Formats the result as a table: each case is a heading with a line for each figure, each program a column. */
export function formatTable(result: FieldResult): string {
  const { programs, figures, rows } = result;
  const cells = [
    ["", ...programs.flatMap((name) => (name === reference ? [name] : [name, "ratio"]))],
    ...rows.flatMap((row) => figures.map((one) => line(row, one, programs))),
  ];
  const [heading = "", ...lines] = alignColumns(cells, "right");
  const body = rows.flatMap((row, index) => [
    `${row.title} (${row.offered})`,
    ...lines.slice(index * figures.length, (index + 1) * figures.length),
    ...row.failures.map(
      ({ program, round, because }) => `  ${program}, round ${round}: ${because}`,
    ),
  ]);
  const skipped = result.skipped.map(({ title, because }) => `not measured: ${title}: ${because}`);
  return `${[heading, ...body, ...skipped].join("\n")}\n`;
}

function line(
  row: RowResult,
  { id, title, decimals }: Figure,
  programs: readonly string[],
): string[] {
  const valueIn = (program: string) => {
    const rounds = row.measured[program] ?? [];
    return median(rounds.flatMap((measured) => measured[id] ?? []));
  };
  const base = valueIn(reference);
  return [
    `  ${title}`,
    ...programs.flatMap((program) => {
      const value = valueIn(program);
      const text = value === null ? unknown : value.toFixed(decimals);
      return program === reference ? [text] : [text, figure(ratio(value, base), times)];
    }),
  ];
}
