// node inside.js BENCH TURN: takes a turn inside a sandbox, and reports on standard output. See sandbox.ts.
import { messageOf } from "../src/errors.js";
import type { Turn } from "./bench.js";
import { type Reporting, reporterTo } from "./rounds.js";
import { lineOf } from "./sandbox/sandbox.js";

// The last line that it prints explains its end: the cause, not Node's version below a stack.
process.on("uncaughtException", (error) => {
  process.stderr.write(`${messageOf(error)}\n`, () => process.exit(1));
});

type MeasureLeg = (leg: string, turn: Turn, reporting: Reporting) => Promise<void>;

const [name = "", text = ""] = process.argv.slice(2);
const turn: Turn = JSON.parse(text);
const measureLeg = await load();
const reporter = reporterTo((finding) => process.stdout.write(lineOf(finding)));
for (const leg of turn.legs) {
  reporter.doing(leg, leg);
  try {
    await measureLeg(leg, turn, {
      doing: (what) => reporter.doing(leg, what),
      found: reporter.found,
    });
  } catch (error) {
    // The other legs go on: each has tunnels of its own.
    reporter.failed(leg, messageOf(error));
  }
}

/** Loads the one benchmark alone, as some measure this very process. */
async function load(): Promise<MeasureLeg> {
  switch (name) {
    case "tunnels":
      return (await import("./tunnels/measure.js")).measureLeg;
    case "start-up":
      return (await import("./start-up.js")).measureStarts;
    case "library":
      return (await import("./library.js")).measureCall;
    case "import":
      return (await import("./import.js")).measureImport;
    case "open-close":
      return (await import("./open-close.js")).openAndClose;
    case "userspace":
      return (await import("./userspace/measure.js")).measureLeg;
    default:
      throw new Error(`There is no benchmark ${name}.`);
  }
}
