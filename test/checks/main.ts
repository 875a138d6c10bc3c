import { availableParallelism } from "node:os";
import { withTimeLimit } from "../../src/deadline.js";
import { type Check, findSandboxObstacle } from "./check.js";
import { coverage, firstChecks, netnsChecks } from "./checks.js";
import { prepareCoverage } from "./mocha.js";
import { addOutcomes, failMissingPackages, formatCounts, type Outcome } from "./outcome.js";
import { lanesFor, SideBySide, type SideBySideOptions } from "./side-by-side.js";

// Runs every check, or those whose names contain one of the arguments, and closes with the counts.

/** Twice what the slowest job takes on two busy cores, in milliseconds. */
const limit = 20 * 60_000;

const { stdout, env } = process;
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => interrupted.abort(new Error(`npm test was ended by ${name}`)));
}

const judge = (outcome: Outcome) => (env.CI === "true" ? failMissingPackages(outcome) : outcome);
const wanted = process.argv.slice(2);
const isWanted = ({ name }: Check) =>
  wanted.length === 0 || wanted.some((part) => name.includes(part));
const processors = availableParallelism();
const options: SideBySideOptions = {
  lanes: lanesFor(processors),
  obstacle: await withTimeLimit(
    limit,
    () => new Error("scripts/sandbox hangs"),
    interrupted.signal,
    findSandboxObstacle,
  ),
  limit,
  onEnd: ({ name }, found, seconds) => {
    const outcome = judge(found);
    const line = `${name}: ${formatCounts(outcome)} (${seconds.toFixed(1)} s)`;
    stdout.write(`${stdout.isTTY ? "\r\u001b[K" : ""}${line}\n${outcome.details}`);
  },
};
const runs = [
  new SideBySide((await firstChecks()).filter(isWanted), options),
  new SideBySide(netnsChecks().filter(isWanted), {
    ...options,
    lanes: { all: processors, busy: processors },
  }),
];

// On a terminal one line that is written over, otherwise a line every half minute.
const pulse = setInterval(
  () => {
    const text = `running: ${runs.map((run) => run.running()).join("")}`;
    stdout.write(stdout.isTTY ? `\r\u001b[K${text.slice(0, stdout.columns - 1)}` : `${text}\n`);
  },
  stdout.isTTY ? 1000 : 30_000,
);
await prepareCoverage();
const outcomes: Outcome[] = [];
for (const run of runs) outcomes.push(await run.run(interrupted.signal));
clearInterval(pulse);
if (wanted.length === 0) {
  outcomes.push(await new SideBySide([coverage], options).run(interrupted.signal));
}
const sum = judge(addOutcomes(outcomes));

for (const { test, reason } of sum.skips) console.log(`skipped: ${test}: ${reason}`);
console.log(formatCounts(sum));
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
