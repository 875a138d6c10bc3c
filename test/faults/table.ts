import { type Outcome, outcomes } from "./outcome.js";
import type { Fault } from "./plan.js";

/** A line of the table. */
export interface FaultResult extends Fault {
  readonly program: string;
  readonly outcome: Outcome;
  /** What was said or left, in short. */
  readonly detail: string;
}

const headings = ["program", "phase", "call", "errno", "nth", "by", "outcome", "detail"];

/** All results, a line each, under the names of the columns. */
export function formatResults(results: readonly FaultResult[]): string {
  return table([headings, ...results.map(cellsOf)]);
}

function cellsOf({ program, phase, call, errno, nth, by, outcome, detail }: FaultResult): string[] {
  return [program, phase, call, errno, String(nth), by, outcome, detail];
}

/** How many results each program has of each outcome. */
export function formatSummary(results: readonly FaultResult[]): string {
  const programs = [...new Set(results.map(({ program }) => program))];
  return table([
    ["program", ...outcomes],
    ...programs.map((name) => [
      name,
      ...outcomes.map((wanted) =>
        String(
          results.filter(({ program, outcome }) => program === name && outcome === wanted).length,
        ),
      ),
    ]),
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
