import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Bench, programOf, type Turn } from "./bench.js";
import { median } from "./report/statistics.js";
import type { Reporting } from "./rounds.js";
import { turnInSandbox } from "./sandbox/sandbox.js";

/** How often a module is imported in a round, after a first time that warms up the caches. */
const repeats = 5;

/** What an empty module is called. */
const reference = "empty module";

/** The package may take so much longer than an empty module, in milliseconds. */
const goal = 15;

const leg = { id: "import", title: "Import, in a process of its own" };

/** What importing the package costs. */
export const importing: Bench = {
  name: "import",
  description: "Measures how long importing the package takes, against an empty module.",
  subject: "every import",
  tools: [],
  files: [],
  rounds: 7,
  legs: [leg],
  parts: [leg.id],
  figures: [
    { id: "import", leg: leg.id, title: "import", unit: "ms", better: "less", ffiToExec: false },
  ],
  reference,
  notes: [`Each sample: the median of ${repeats} imports, each in a process of its own.`],
  goalsDecide: true,
  programs: () => [
    programOf(reference, ["data:text/javascript,"]),
    programOf("wg-bridge", ["wg-bridge"]),
  ],
  measure: (turn, reporter, context) => turnInSandbox("import", turn, reporter, context),
  goals: ({ figures: [figure] }) => {
    const [empty, own] = [figure?.programs[reference], figure?.programs["wg-bridge"]];
    if (empty === undefined || own === undefined) return [];
    const more = own.median - empty.median;
    const sentence = `wg-bridge takes ${more.toFixed(1)} ms more; the goal is at most ${goal}.`;
    return [{ sentence, reached: more <= goal }];
  },
};

/** Measures the import of one module. */
export async function measureImport(
  _leg: string,
  { program }: Turn,
  reporting: Reporting,
): Promise<void> {
  const module = JSON.stringify(program.command[0]);
  const source = `const start = performance.now(); await import(${module}); console.log(performance.now() - start);`;
  const times: number[] = [];
  for (let time = 0; time <= repeats; time++) {
    const args = ["--input-type=module", "--eval", source];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    times.push(Number(stdout));
  }
  reporting.found("import", median(times.slice(1)) ?? Number.NaN);
}
