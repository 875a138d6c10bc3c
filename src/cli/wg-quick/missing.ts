import { readFile } from "node:fs/promises";
import { type Environment, packageRoot } from "../../artifacts.js";
import {
  installCures,
  packageManagerPrograms,
  packageManagers,
  parsePackages,
} from "../../doctor/packages.js";
import { findProgram } from "../../doctor/tools.js";
import { WgBridgeError } from "../../errors.js";

/** The error for a tool that is not there, with the command that installs it on this machine. */
export async function missingError(tool: string, env: Environment): Promise<WgBridgeError> {
  const table = parsePackages(await readFile(`${packageRoot}/scripts/packages`, "utf8"));
  const row = table.find((one) => one.tool === tool);
  const manager = packageManagers.find((name) => findProgram(packageManagerPrograms[name], env));
  const cures = row === undefined ? [] : installCures(row.packages, manager);
  return new WgBridgeError(
    "WG_BRIDGE_TOOL_MISSING",
    `${tool} is not installed. Install it as root: ${cures.join(", or ")}.`,
  );
}
