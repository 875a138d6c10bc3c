// Runs inside a sandbox: node probe.js VISIT, where VISIT is a Visit as JSON. Measures one program for
// one round, and prints what it does and finds as lines of JSON, each a Finding.
import { messageOf } from "../errors.js";
import type { Leg } from "./figures.js";
import { measureLeg } from "./measure.js";
import { type Finding, readVisit } from "./visit.js";

const { command, host, seconds, legs } = readVisit(process.argv[2] ?? "");
for (const leg of legs) await run(leg);

/** Whatever a leg runs into, the others go on: each has tunnels of its own. */
async function run(leg: Leg): Promise<void> {
  try {
    await measureLeg(
      leg,
      { command, host, seconds },
      {
        doing: (what) => tell({ kind: "doing", leg, what }),
        found: (id, value) => tell({ kind: "found", id, value }),
      },
    );
  } catch (error) {
    tell({ kind: "failed", leg, because: messageOf(error) });
  }
}

function tell(finding: Finding): void {
  process.stdout.write(`${JSON.stringify(finding)}\n`);
}
