import type { Environment } from "../artifacts.js";
import { obeysEscapes } from "../text/style.js";

/** The escape sequences that wg(8) uses. */
export const color = {
  reset: "\x1b[0m",
  bold: "\x1b[1m",
  red: "\x1b[31m",
  green: "\x1b[32m",
  yellow: "\x1b[33m",
  cyan: "\x1b[36m",
} as const;

/**
 * Whether to write to a stream in colour: as WG_COLOR_MODE (wg(8)) says, "always" or "never"; not if NO_COLOR
 * (no-color.org) is set; otherwise if it is a terminal that is not "dumb".
 */
export function wantsColor(isTerminal: boolean, env: Environment): boolean {
  if (env.WG_COLOR_MODE === "always") return true;
  if (env.WG_COLOR_MODE === "never" || env.NO_COLOR) return false;
  return isTerminal && obeysEscapes(env);
}
