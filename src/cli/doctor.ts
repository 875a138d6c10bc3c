import type { Environment } from "../artifacts.js";
import { collectFacts } from "../doctor/facts.js";
import { diagnose } from "../doctor/findings.js";
import { formatReport } from "../doctor/report.js";
import { printableJson } from "../text/printable.js";
import { styleFor } from "../text/style.js";
import { argumentError, readArguments } from "./arguments.js";

/** `wg-bridge doctor [--json]`: exits 0 if this user can open a tunnel with at least one backend. */
export async function doctorCommand(args: readonly string[], env: Environment): Promise<number> {
  const { values, positionals } = readArguments("doctor", args);
  if (positionals.length > 0) throw argumentError("doctor", "Give no arguments");
  const diagnosis = diagnose(await collectFacts(env));
  process.stdout.write(
    values.json ? printableJson(diagnosis) : formatReport(diagnosis, styleFor(process.stdout, env)),
  );
  return diagnosis.canOpenTunnel ? 0 : 1;
}
