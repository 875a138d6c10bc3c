import { color } from "../color.js";
import { type Rates, rateText, sparkline } from "./rates.js";

const { reset, bold, yellow, cyan } = color;

/** The titles of rateCells. */
export const rateTitles: readonly string[] = ["received", "", "sent", ""];

/** Returns the newest rates and their history, as cells of a table. */
export function rateCells({ received, sent }: Rates): readonly string[] {
  return [rateText(received.at(-1)), sparkline(received), rateText(sent.at(-1)), sparkline(sent)];
}

/** Aligns a header and rows in columns. The first word of each row, and bars, are coloured. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [`${bold}${line(header)}${reset}`, ...rows.map((row) => paint(line(row)))];
}

function paint(line: string): string {
  return line
    .replace(/^\S+/, (name) => `${yellow}${name}${reset}`)
    .replace(/[▁-█]+/g, (bars) => `${cyan}${bars}${reset}`);
}
