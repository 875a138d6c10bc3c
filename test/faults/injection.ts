import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./life.js";
import { crashLine, outcomeOf } from "./outcome.js";
import { type Fault, planFaults } from "./plan.js";
import type { FaultSite } from "./site.js";
import type { Subject } from "./subject.js";
import type { FaultResult } from "./table.js";

/** Runs a program without a fault, and plans the faults for the calls that it made. */
export async function discover(
  site: FaultSite,
  subject: Subject,
  depth: number,
  wanted: (call: string) => boolean,
): Promise<Fault[]> {
  const { seen, calls, times } = await inDirectory((file) => run(site, subject, undefined, file));
  if (seen.start !== "ready" || seen.troubles.length > 0 || seen.left.length > 0) {
    throw new Error(`${subject.title} fails without a fault: ${JSON.stringify(seen)}`);
  }
  return planFaults(calls, times, depth, wanted);
}

/** Runs a program with one fault, and resolves with the outcome. */
export async function inject(
  site: FaultSite,
  subject: Subject,
  fault: Fault,
): Promise<FaultResult> {
  const { seen } = await inDirectory((file) => run(site, subject, fault, file));
  const words = [
    crashLine(seen.said) ?? [],
    ...seen.left,
    ...seen.hung,
    ...seen.troubles,
    ...seen.said,
  ];
  const detail = words.flat().join(" | ").replaceAll(/\s+/g, " ").slice(0, 400);
  return { program: subject.title, ...fault, outcome: outcomeOf(seen), detail };
}

async function inDirectory<Result>(use: (file: string) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "faults-"));
  try {
    return await use(join(directory, "trace"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
