import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../artifacts.js";
import { findProgram } from "../../doctor/tools.js";
import { isExecutableFile } from "../../executable-file.js";
import { verbMeantBy } from "../arguments.js";

/** This program's own file, of which "env node" is the interpreter. */
const main = fileURLToPath(new URL("../main.js", import.meta.url));

/** bash takes a function from the environment under this name. */
export const functionVariable = "BASH_FUNC_wg_bridge%%";

/**
 * The variables that make wg-quick(8) start its tunnels with this program, and with this very Node.js.
 * It runs one word, and looks in its own directory before those on PATH. Where that would find another
 * node, maybe an older one, the word is a function of bash; and also where the interface, or its file, is
 * called like a verb, which needs "run" before it.
 */
export function implementation(
  wgQuick: string,
  what: string,
  env: Environment,
): Record<string, string> {
  const own = dirname(process.execPath);
  const PATH = env.PATH ? `${own}:${env.PATH}` : own;
  const node = findProgram("node", { PATH: `${dirname(realpathSync(wgQuick))}:${PATH}` });
  const isOurs = node !== undefined && realpathSync(node) === realpathSync(process.execPath);
  const isVerb = verbMeantBy(basename(what, ".conf")) !== undefined;
  if (isOurs && !isVerb && isExecutableFile(main))
    return { PATH, WG_QUICK_USERSPACE_IMPLEMENTATION: main };
  const body = `() { ${quoted(process.execPath)} ${quoted(main)} run -- "$@"\n}`;
  return { PATH, WG_QUICK_USERSPACE_IMPLEMENTATION: "wg_bridge", [functionVariable]: body };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
