// Runs inside a sandbox: node main.js [OPTION...]. See arguments.ts.
import { writeFileSync } from "node:fs";
import { messageOf } from "../../src/errors.js";
import { type FaultArguments, parseFaultArguments, usage } from "./arguments.js";
import { forbiddenOutcomes } from "./outcome.js";
import { FaultSite } from "./site.js";
import { straceObstacle } from "./strace.js";
import { subjects } from "./subject.js";
import { discover, inject } from "./suite.js";
import { type FaultResult, formatResults, formatSummary } from "./table.js";

let wanted: FaultArguments;
try {
  wanted = parseFaultArguments(
    process.argv.slice(2),
    subjects.map(({ title }) => title),
  );
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n${usage}`);
  process.exit(2);
}
process.exitCode = await main(wanted).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  return 1;
});

async function main({ only, calls, depth, json, list }: FaultArguments): Promise<number> {
  const obstacle = straceObstacle();
  if (obstacle !== undefined) throw new Error(`No fault can be injected: ${obstacle}.`);
  await using site = await FaultSite.make();
  const results: FaultResult[] = [];
  for (const subject of subjects.filter(({ title }) => only?.includes(title) ?? true)) {
    const faults = await discover(site, subject, depth, (call) => calls?.test(call) ?? true);
    process.stderr.write(`${subject.title}: ${faults.length} faults\n`);
    if (list) {
      for (const { call, errno, nth, phase, by } of faults) {
        process.stdout.write(`${subject.title} ${phase} ${call} ${errno} ${nth} ${by}\n`);
      }
      continue;
    }
    for (const fault of faults) {
      const result = await inject(site, subject, fault);
      results.push(result);
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
      process.stderr.write(`${formatResults([result]).split("\n")[1]}\n`);
    }
  }
  if (list) return 0;
  process.stdout.write(`${formatResults(results)}\n${formatSummary(results)}`);
  const bad = ({ program, outcome }: FaultResult) =>
    program !== "upstream" && forbiddenOutcomes.includes(outcome);
  return results.some(bad) ? 1 : 0;
}
