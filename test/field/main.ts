// Runs inside a sandbox: node main.js memory|congestion [OPTION...]. See arguments.ts.
import { writeFileSync } from "node:fs";
import { thisMachine } from "../../bench/sandbox/machine.js";
import { checkNamedProgram } from "../../bench/sandbox/named-program.js";
import { messageOf } from "../../src/errors.js";
import { type FieldArguments, parseFieldArguments, usage } from "./arguments.js";
import { fieldPrograms } from "./programs.js";
import type { FieldResult } from "./result.js";
import { suiteOf } from "./suite.js";
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
  if (suite.rows.length + suite.skipped.length === 0)
    throw new Error(`--rows ${wanted.rows} matches no row.`);
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
