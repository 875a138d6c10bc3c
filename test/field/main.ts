// Runs inside a sandbox: node main.js memory|congestion [OPTION...]. See arguments.ts.
import { writeFileSync } from "node:fs";
import { messageOf } from "../../src/errors.js";
import { thisMachine } from "../../src/sandbox/machine.js";
import { checkNamedProgram } from "../../src/sandbox/named-program.js";
import { type FieldArguments, parseFieldArguments, usage } from "./arguments.js";
import { measureMemory, memoryFigures } from "./memory.js";
import { memoryRows } from "./memory-rows.js";
import { fieldPrograms } from "./programs.js";
import type { FieldResult } from "./result.js";
import { measureRounds } from "./rounds.js";
import { formatTable } from "./table.js";

let wanted: FieldArguments;
try {
  wanted = parseFieldArguments(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n${usage}`);
  process.exit(2);
}
process.exitCode = await main(wanted);

async function main(wanted: FieldArguments): Promise<number> {
  const rows = memoryRows.filter(({ id }) => wanted.rows?.test(id) ?? true);
  if (wanted.list) {
    process.stdout.write(rows.map(({ id, title }) => `${id.padEnd(28)} ${title}\n`).join(""));
    return 0;
  }
  for (const program of wanted.programs) await checkNamedProgram("--program", program);
  const programs = fieldPrograms(wanted.programs);
  const began = new Date().toISOString();
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const result: FieldResult = {
    kind: wanted.kind,
    machine: thisMachine(),
    began,
    programs: programs.map(({ name }) => name),
    figures: memoryFigures(wanted.settle),
    rows: await measureRounds(
      rows,
      programs,
      wanted.rounds,
      (row, program) => measureMemory(row, program, wanted.settle),
      progress,
    ),
    skipped: [],
  };
  if (wanted.json !== undefined) {
    writeFileSync(wanted.json, `${JSON.stringify(result, null, 2)}\n`);
  }
  process.stdout.write(formatTable(result));
  return result.rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
}
