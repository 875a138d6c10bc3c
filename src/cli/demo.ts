import type { Environment } from "../artifacts.js";
import type { Outcome } from "../demo/demonstration.js";
import { demonstrate } from "../demo/demonstration.js";
import { formatDemo, reportOf } from "../demo/report.js";
import { printableJson } from "../text/printable.js";
import { styleFor } from "../text/style.js";
import { argumentError, readArguments } from "./arguments.js";

/** `wg-bridge demo [--json]`: exits 0 if a backend can be used here, and all that can passed. */
export async function demoCommand(args: readonly string[], env: Environment): Promise<number> {
  const { values, positionals } = readArguments("demo", args);
  if (positionals.length > 0) throw argumentError("demo", "Give no arguments");
  const outcomes: Outcome[] = [];
  // One after another: they would take the processors from each other.
  for (const backend of ["exec", "ffi"] as const) outcomes.push(await demonstrate(backend, env));
  const report = reportOf(outcomes);
  process.stdout.write(
    values.json ? printableJson(report) : formatDemo(report, styleFor(process.stdout, env)),
  );
  return report.passed ? 0 : 1;
}
