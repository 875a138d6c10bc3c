// Runs inside a sandbox: node main.js [OPTION...]. See arguments.ts.
import { runSuite, showProgress, writeResults } from "../suite/main.js";
import { type FaultArguments, parseFaultArguments, usage } from "./arguments.js";
import { discover, inject } from "./injection.js";
import { forbiddenOutcomes } from "./outcome.js";
import { FaultSite } from "./site.js";
import { straceObstacle } from "./strace.js";
import { subjects } from "./subject.js";
import { type FaultResult, formatResults, formatSummary } from "./table.js";

const titles = subjects.map(({ title }) => title);
await runSuite({
  usage,
  parse: (args) => parseFaultArguments(args, titles),
  run: injectFaults,
});

async function injectFaults({ only, calls, depth, json, list }: FaultArguments): Promise<number> {
  const obstacle = straceObstacle();
  if (obstacle !== undefined) throw new Error(`No fault can be injected: ${obstacle}.`);
  await using site = await FaultSite.make();
  const results: FaultResult[] = [];
  for (const subject of subjects.filter(({ title }) => only?.includes(title) ?? true)) {
    const faults = await discover(site, subject, depth, (call) => calls?.test(call) ?? true);
    showProgress(`${subject.title}: ${faults.length} faults`);
    if (list) {
      for (const { call, errno, nth, phase, by } of faults) {
        process.stdout.write(`${subject.title} ${phase} ${call} ${errno} ${nth} ${by}\n`);
      }
      continue;
    }
    for (const fault of faults) {
      const result = await inject(site, subject, fault);
      results.push(result);
      writeResults(json, results);
      showProgress(formatResults([result]).split("\n")[1] ?? "");
    }
  }
  if (list) return 0;
  process.stdout.write(`${formatResults(results)}\n${formatSummary(results)}`);
  const bad = ({ program, outcome }: FaultResult) =>
    program !== "upstream" && forbiddenOutcomes.includes(outcome);
  return results.some(bad) ? 1 : 0;
}
