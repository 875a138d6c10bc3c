// Runs inside a sandbox: node main.js memory|congestion [OPTION...]. See arguments.ts.
import { thisMachine } from "../../bench/sandbox/machine.js";
import { checkNamedProgram } from "../../bench/sandbox/named-program.js";
import { runSuite, writeResults } from "../suite/main.js";
import { type FieldArguments, parseFieldArguments, usage } from "./arguments.js";
import { measurementsOf } from "./measurements.js";
import { fieldPrograms } from "./programs.js";
import type { FieldResult } from "./result.js";
import { formatTable } from "./table.js";

await runSuite({ usage, parse: parseFieldArguments, run: measureField });

async function measureField(wanted: FieldArguments): Promise<number> {
  for (const program of wanted.programs) checkNamedProgram("--program", program);
  const { rows, skipped, figures, measure } = await measurementsOf(wanted);
  if (wanted.list) {
    process.stdout.write(rows.map(({ id, title }) => `${id.padEnd(24)} ${title}\n`).join(""));
    return 0;
  }
  if (rows.length + skipped.length === 0) throw new Error(`--rows ${wanted.rows} matches no row.`);
  const began = new Date().toISOString();
  const programs = fieldPrograms(wanted.programs, wanted.only);
  const result: FieldResult = {
    kind: wanted.kind,
    machine: thisMachine(),
    began,
    programs: programs.map(({ name }) => name),
    figures,
    rows: await measure(programs),
    skipped,
  };
  writeResults(wanted.json, result);
  process.stdout.write(formatTable(result));
  return result.rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
}
