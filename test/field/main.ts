// Runs inside a sandbox: node main.js memory|congestion [OPTION...]. See arguments.ts.
import { writeFileSync } from "node:fs";
import { messageOf } from "../../src/errors.js";
import { thisMachine } from "../../src/sandbox/machine.js";
import { checkNamedProgram } from "../../src/sandbox/named-program.js";
import { type FieldArguments, parseFieldArguments, usage } from "./arguments.js";
import { congestionFigures, measureCongestion } from "./congestion.js";
import { congestionRows } from "./congestion-rows.js";
import type { Figure, Row } from "./figure.js";
import { measureMemory, memoryFigures } from "./memory.js";
import { memoryRows } from "./memory-rows.js";
import { type FieldProgram, fieldPrograms } from "./programs.js";
import { type Qdisc, qdiscKinds, qdiscObstacle } from "./qdisc.js";
import type { FieldResult, RowResult, Skipped } from "./result.js";
import { measureRounds } from "./rounds.js";
import { formatTable } from "./table.js";

let wanted: FieldArguments;
try {
  wanted = parseFieldArguments(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n${usage}`);
  process.exit(2);
}
process.exitCode = await main(wanted).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  return 1;
});

async function main(wanted: FieldArguments): Promise<number> {
  for (const program of wanted.programs) await checkNamedProgram("--program", program);
  const programs = fieldPrograms(wanted.programs, wanted.only);
  const suite = await suiteOf(wanted);
  if (wanted.list) {
    process.stdout.write(suite.rows.map(({ id, title }) => `${id.padEnd(24)} ${title}\n`).join(""));
    return 0;
  }
  if (suite.rows.length === 0) throw new Error(`--rows ${wanted.rows} matches no row.`);
  const began = new Date().toISOString();
  const rows = await suite.measure(programs, (text) => process.stderr.write(`${text}\n`));
  const result: FieldResult = {
    kind: wanted.kind,
    machine: thisMachine(),
    began,
    programs: programs.map(({ name }) => name),
    figures: suite.figures,
    rows,
    skipped: suite.skipped,
  };
  if (wanted.json !== undefined) {
    writeFileSync(wanted.json, `${JSON.stringify(result, null, 2)}\n`);
  }
  process.stdout.write(formatTable(result));
  return rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

/** What is to be measured, and how. */
interface Suite {
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
  readonly measure: (
    programs: readonly FieldProgram[],
    progress: (text: string) => void,
  ) => Promise<RowResult[]>;
}

async function suiteOf({
  kind,
  rows: pattern,
  rounds,
  rate,
  settle,
}: FieldArguments): Promise<Suite> {
  if (kind === "memory") {
    const rows = memoryRows(rate).filter(({ id }) => pattern?.test(id) ?? true);
    return {
      figures: memoryFigures(settle),
      rows,
      skipped: [],
      measure: (programs, progress) =>
        measureRounds(
          rows,
          programs,
          rounds,
          (row, program) => measureMemory(row, program, settle),
          progress,
        ),
    };
  }
  const obstacles = new Map<Qdisc, string>();
  for (const qdisc of qdiscKinds) {
    const obstacle = await qdiscObstacle(qdisc);
    if (obstacle !== undefined) obstacles.set(qdisc, obstacle);
  }
  const wanted = congestionRows(rate).filter(({ id, byDefault }) => pattern?.test(id) ?? byDefault);
  const rows = wanted.filter(({ qdisc }) => !obstacles.has(qdisc));
  return {
    figures: congestionFigures,
    rows,
    skipped: wanted.flatMap(({ qdisc, title }) => {
      const because = obstacles.get(qdisc);
      return because === undefined ? [] : [{ title, because }];
    }),
    measure: (programs, progress) =>
      measureRounds(rows, programs, rounds, measureCongestion, progress),
  };
}
