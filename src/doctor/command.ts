import type { Environment } from "../artifacts.js";
import { printable, printableJson } from "../text/printable.js";
import { isLive } from "../text/style.js";
import { collectFacts } from "./facts.js";
import { diagnose } from "./findings.js";
import { formatReport } from "./report.js";

const usage = `usage: wg-bridge doctor [--json]

Looks at what this machine allows and names, for each lack, the command that cures it.
--json prints one object instead, with:
  versions       what wg-bridge runs on
  findings       one for each thing looked at: id, title, mark (ok, warn or lack), detail, cures
  auto           which backend --backend=auto would take (null: none), and the reason
  canOpenTunnel  whether this user can open a tunnel with at least one backend
Exit status: 0 if canOpenTunnel, otherwise 1.
`;

/**
 * Runs `wg-bridge doctor`. It writes to standard output, and bad arguments to standard error.
 *
 * @param args what follows `doctor` on the command line
 * @param env decides PATH, which library and executable, and colour (NO_COLOR)
 * @returns the exit status: 0 if this user can open a tunnel with at least one backend
 */
export async function doctorCommand(args: readonly string[], env: Environment): Promise<number> {
  if (args.length === 1 && args[0] === "--help") {
    process.stdout.write(usage);
    return 0;
  }
  const json = args[0] === "--json";
  if (args.length > (json ? 1 : 0)) {
    process.stderr.write(
      `wg-bridge doctor does not know ${printable(args.at(json ? 1 : 0) ?? "")}.\n${usage}`,
    );
    return 1;
  }
  const diagnosis = diagnose(await collectFacts(env));
  const colour = isLive(process.stdout, env) && !env.NO_COLOR;
  process.stdout.write(json ? printableJson(diagnosis) : formatReport(diagnosis, colour));
  return diagnosis.canOpenTunnel ? 0 : 1;
}
