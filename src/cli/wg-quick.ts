import type { Environment } from "../artifacts.js";
import { findProgram } from "../doctor/tools.js";
import { parseBackendRequest } from "../strategy/choose.js";
import { printable } from "../text/printable.js";
import { asRoot } from "./wg-quick/as-root.js";
import { implementation } from "./wg-quick/implementation.js";
import { missingError } from "./wg-quick/missing.js";
import { runAttached } from "./wg-quick/run.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge up`, `down`, `save` and `strip`: wg-quick(8) itself, with this program for its tunnels. */
export async function wgQuickCommand(
  verb: "up" | "down" | "save" | "strip",
  args: readonly string[],
  env: Environment,
): Promise<number> {
  const { values, positionals } = readWords(verb, args, { backend: { type: "string" } });
  const { backend } = values;
  const [what, ...rest] = positionals;
  if (what === undefined || rest.length > 0) {
    throw wordsError(verb, "It takes one file or interface");
  }
  if (verb !== "up" && backend !== undefined) throw wordsError(verb, "It takes no --backend");
  // wg-quick prints its words as they are.
  if (printable(what) !== what) throw wordsError(verb, `There are control characters in ${what}`);
  const wgQuick = findProgram("wg-quick", env);
  if (wgQuick === undefined) throw await missingError("wg-quick", env);
  const settings = {
    ...implementation(wgQuick, what, env),
    ...(backend === undefined ? {} : { WG_BRIDGE_BACKEND: parseBackendRequest(backend) }),
  };
  const command = asRoot([wgQuick, verb, what], { ...env, ...settings });
  return runAttached(command, { ...env, ...settings });
}
