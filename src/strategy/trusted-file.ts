import { resolve } from "node:path";
import { packageRoot } from "../artifacts.js";
import { WgBridgeError } from "../errors.js";
import { distrustOf } from "../trust.js";

/**
 * As root, refuses a file to load or run that the environment names and that another user could change.
 * Files of this package are taken as they are: whoever may change those has this program already.
 * Other users decide for themselves what they run.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedFile(path: string, variable: string): void {
  if (process.geteuid?.() !== 0) return;
  const absolute = resolve(path);
  if (absolute.startsWith(`${packageRoot}/`)) return;
  const found = distrustOf(absolute, "file");
  if (found === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_UNTRUSTED",
    `${variable} names ${path}, which root does not run: ${found.path} ${found.why}, so another user could put a program of theirs there. ${found.remedy}, or install the file where only root may write, as with "install -m 755 ${path} /usr/local/lib/".`,
  );
}
