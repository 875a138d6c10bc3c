import { checks, findSandboxObstacle, runCheck } from "./checks.js";
import {
  addOutcomes,
  failMissingPackages,
  formatCounts,
  type Outcome,
  oneFailed,
} from "./outcome.js";
import { showProgress } from "./progress.js";

const wanted = process.argv.slice(2);
const chosen = checks.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const outcomes: Outcome[] = [];
const obstacle = await findSandboxObstacle();

for (const check of chosen) {
  const finish = showProgress(check.name);
  const found = await runCheck(check, obstacle).catch((error: unknown) => oneFailed(`${error}\n`));
  const outcome = process.env.CI === "true" ? failMissingPackages(found) : found;
  finish(formatCounts(outcome));
  process.stdout.write(outcome.details);
  outcomes.push(outcome);
}

const sum = addOutcomes(outcomes);
for (const { test, reason } of sum.skips) console.log(`skipped: ${test}: ${reason}`);
console.log(formatCounts(sum));
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
