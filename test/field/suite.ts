import type { FieldArguments } from "./arguments.js";
import { congestionFigures, measureCongestion } from "./congestion.js";
import { type CongestionRow, congestionRows } from "./congestion-rows.js";
import type { Figure, Row } from "./figure.js";
import { measureMemory, memoryFigures } from "./memory.js";
import { memoryRows } from "./memory-rows.js";
import type { FieldProgram } from "./programs.js";
import { qdiscObstacle } from "./qdisc.js";
import type { RowResult, Skipped } from "./result.js";
import { measureRounds } from "./rounds.js";

/** What is to be measured, and how. */
export interface Suite {
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
  readonly measure: (
    programs: readonly FieldProgram[],
    progress: (text: string) => void,
  ) => Promise<RowResult[]>;
}

/** What the arguments ask for, as far as this kernel has what it needs. */
export function suiteOf(wanted: FieldArguments): Suite | Promise<Suite> {
  return wanted.kind === "memory" ? memorySuite(wanted) : congestionSuite(wanted);
}

function memorySuite({ rows: pattern, rounds, rate, settle }: FieldArguments): Suite {
  const rows = memoryRows(rate).filter(({ id }) => pattern?.test(id) ?? true);
  const measure: Suite["measure"] = (programs, progress) =>
    measureRounds(rows, programs, rounds, (row, one) => measureMemory(row, one, settle), progress);
  return { figures: memoryFigures(settle), rows, skipped: [], measure };
}

async function congestionSuite({ rows: pattern, rounds, rate }: FieldArguments): Promise<Suite> {
  const rows: CongestionRow[] = [];
  const skipped: Skipped[] = [];
  for (const row of congestionRows(rate)) {
    if (!(pattern?.test(row.id) ?? row.byDefault)) continue;
    const because = await qdiscObstacle(row.qdisc);
    if (because === undefined) rows.push(row);
    else skipped.push({ title: row.title, because });
  }
  const measure: Suite["measure"] = (programs, progress) =>
    measureRounds(rows, programs, rounds, measureCongestion, progress);
  return { figures: congestionFigures, rows, skipped, measure };
}
