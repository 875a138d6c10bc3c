import { alignColumns } from "../suite/table.js";
import { type Outcome, outcomes } from "./outcome.js";
import type { Fault } from "./plan.js";

/** A fault and its outcome: a line of the table. */
export interface FaultResult extends Fault {
  readonly program: string;
  readonly outcome: Outcome;
  /** What the program reported or left, abridged. */
  readonly detail: string;
}

const headings = ["program", "phase", "call", "errno", "nth", "by", "outcome", "detail"];

/** Formats all results, a line each, below the column headings. */
export function formatResults(results: readonly FaultResult[]): string {
  return lines([headings, ...results.map(cellsOf)]);
}

function cellsOf({ program, phase, call, errno, nth, by, outcome, detail }: FaultResult): string[] {
  return [program, phase, call, errno, String(nth), by, outcome, detail];
}

/** Formats how many results each program has of each outcome. */
export function formatSummary(results: readonly FaultResult[]): string {
  const programs = [...new Set(results.map(({ program }) => program))];
  return lines([
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

function lines(rows: readonly (readonly string[])[]): string {
  return `${alignColumns(rows).join("\n")}\n`;
}
