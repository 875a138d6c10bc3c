import { alignColumns } from "../suite/table.js";
import type { RowResult } from "./row.js";

const head = ["row", "what", "result", "seconds"];

/** Returns the table for a terminal. */
export function formatResults(results: readonly RowResult[]): string {
  return alignColumns([head, ...results.map(cellsOf)])
    .map((line) => `${line}\n`)
    .join("");
}

/** Returns the table for a page. */
export function formatMarkdown(results: readonly RowResult[]): string {
  const escaped = (text: string) => text.replaceAll("|", "\\|");
  return [head, head.map(() => "---"), ...results.map(cellsOf)]
    .map((cells) => `| ${cells.map(escaped).join(" | ")} |\n`)
    .join("");
}

/** Returns `3 passed, 1 failed, 1 skipped`. */
export function formatSummary(results: readonly RowResult[]): string {
  const count = (wanted: RowResult["result"]) =>
    results.filter(({ result }) => result === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped\n`;
}

/** Reports whether these results permit a release. */
export function permitsRelease(results: readonly RowResult[], allowSkips: boolean): boolean {
  const wanted = ({ result }: RowResult) =>
    result === "passed" || (allowSkips && result === "skipped");
  return results.length > 0 && results.every(wanted);
}

function cellsOf({ row, what, result, because, seconds }: RowResult): string[] {
  return [row, what, because === "" ? result : `${result}: ${because}`, seconds.toFixed(0)];
}
