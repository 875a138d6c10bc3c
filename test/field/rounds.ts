import { clock } from "../../bench/report/figures.js";
import { messageOf } from "../../src/errors.js";
import type { Measured, Row } from "./figure.js";
import type { FieldProgram } from "./programs.js";
import type { Failure, RowResult } from "./result.js";

/**
 * Measures each row with each program in turn, round after round. What cannot be measured once is a failure, and the
 * others go on.
 */
export async function measureRounds<Case extends Row>(
  rows: readonly Case[],
  programs: readonly FieldProgram[],
  rounds: number,
  measure: (row: Case, program: FieldProgram) => Promise<Measured>,
  progress: (text: string) => void,
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
        const doing = () =>
          `${clock((performance.now() - began) / 1000)}  round ${round} of ${rounds}, ${row.id}, ${program.name}`;
        try {
          const found = await measure(row, program);
          measured.get(program.name)?.push(found);
          progress(`${doing()}: ${summary(found)}`);
        } catch (error) {
          failures.push({ program: program.name, round, because: messageOf(error) });
          progress(`${doing()} failed: ${messageOf(error)}`);
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
