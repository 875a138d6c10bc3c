import { clock } from "../../bench/report/figures.js";
import { messageOf } from "../../src/errors.js";
import { showProgress } from "../suite/main.js";
import type { FieldArguments } from "./arguments.js";
import { congestionFigures, measureCongestion } from "./congestion.js";
import { type CongestionRow, congestionRows } from "./congestion-rows.js";
import { measureMemory, memoryFigures } from "./memory.js";
import { memoryRows } from "./memory-rows.js";
import type { FieldProgram } from "./programs.js";
import { qdiscObstacle } from "./qdisc.js";
import type { Failure, Figure, Measured, Row, RowResult, Skipped } from "./result.js";

/** The rows to measure, and how to measure them. */
export interface Measurements {
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
  readonly measure: (programs: readonly FieldProgram[]) => Promise<RowResult[]>;
}

/** Returns the measurements that the arguments ask for. Rows that this kernel cannot run are skipped. */
export function measurementsOf(wanted: FieldArguments): Measurements | Promise<Measurements> {
  return wanted.kind === "memory" ? memoryMeasurements(wanted) : congestionMeasurements(wanted);
}

function memoryMeasurements({ rows: pattern, rounds, rate, settle }: FieldArguments): Measurements {
  const rows = memoryRows(rate).filter(({ id }) => pattern?.test(id) ?? true);
  const measure: Measurements["measure"] = (programs) =>
    measureRounds(rows, programs, rounds, (row, one) => measureMemory(row, one, settle));
  return { figures: memoryFigures(settle), rows, skipped: [], measure };
}

async function congestionMeasurements({
  rows: pattern,
  rounds,
  rate,
}: FieldArguments): Promise<Measurements> {
  const rows: CongestionRow[] = [];
  const skipped: Skipped[] = [];
  for (const row of congestionRows(rate)) {
    if (!(pattern?.test(row.id) ?? row.byDefault)) continue;
    const because = await qdiscObstacle(row.qdisc);
    if (because === undefined) rows.push(row);
    else skipped.push({ title: row.title, because });
  }
  const measure: Measurements["measure"] = (programs) =>
    measureRounds(rows, programs, rounds, measureCongestion);
  return { figures: congestionFigures, rows, skipped, measure };
}

/**
 * Measures each row with each program in turn, round after round. A measurement that throws counts as a failure of
 * its row, and the others go on.
 */
async function measureRounds<Case extends Row>(
  rows: readonly Case[],
  programs: readonly FieldProgram[],
  rounds: number,
  measure: (row: Case, program: FieldProgram) => Promise<Measured>,
): Promise<RowResult[]> {
  const results = rows.map((row) => ({
    row,
    measured: new Map<string, Measured[]>(programs.map(({ name }) => [name, []])),
    failures: [] as Failure[],
  }));
  const began = performance.now();
  for (let round = 1; round <= rounds; round++) {
    for (const { row, measured, failures } of results) {
      for (const program of programs) {
        const turn = () =>
          `${clock((performance.now() - began) / 1000)}  round ${round} of ${rounds}, ${row.id}, ${program.name}`;
        try {
          const values = await measure(row, program);
          measured.get(program.name)?.push(values);
          showProgress(`${turn()}: ${summary(values)}`);
        } catch (error) {
          failures.push({ program: program.name, round, because: messageOf(error) });
          showProgress(`${turn()} failed: ${messageOf(error)}`);
        }
      }
    }
  }
  return results.map(({ row: { id, title, offered }, measured, failures }) => ({
    id,
    title,
    offered,
    measured: Object.fromEntries(measured),
    failures,
  }));
}

function summary(measured: Measured): string {
  return Object.entries(measured)
    .map(([id, value]) => `${id} ${value === null ? "–" : Math.round(value * 100) / 100}`)
    .join(", ");
}
