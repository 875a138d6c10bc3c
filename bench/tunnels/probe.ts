// Runs inside a sandbox: node probe.js VISIT, where VISIT is a Visit as JSON. Measures one program for
// one round, and prints what it does and finds as lines of JSON, each a Finding.
import { messageOf } from "../../src/errors.js";
import type { Leg } from "./figures.js";
import { measureLeg } from "./measure.js";
import { type Finding, readVisit } from "./visit.js";

// The last line that it prints is what the bench tells: the cause, not Node's version below a stack.
process.on("uncaughtException", (error) => {
  process.stderr.write(`${messageOf(error)}\n`, () => process.exit(1));
});

const visit = readVisit(process.argv[2] ?? "");
for (const leg of visit.legs) await run(leg);

/** Whatever a leg runs into, the others go on: each has tunnels of its own. */
async function run(leg: Leg): Promise<void> {
  const doing = (what: string) => tell({ kind: "doing", leg, what });
  const found = (id: string, value: number) => tell({ kind: "found", id, value });
  doing("two tunnels");
  try {
    await measureLeg(leg, visit, { doing, found });
  } catch (error) {
    tell({ kind: "failed", leg, because: messageOf(error) });
  }
}

function tell(finding: Finding): void {
  process.stdout.write(`${JSON.stringify(finding)}\n`);
}
