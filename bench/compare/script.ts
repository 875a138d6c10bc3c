import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemCodeOf, WgBridgeError } from "../../src/errors.js";

/** SHA-256 of the test/netns.sh whose steps have been counted, and their number. */
const counted = {
  sha256: "3fa65bfc3b8709349330d8ab61653d09c7bf6d13755f39b3b62851816903ee72",
  steps: 251,
};

/** SHA-256 of the script at `path`, hexadecimal. */
export function scriptHash(path: string): string {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch (cause) {
    if (systemCodeOf(cause) !== "ENOENT") throw cause;
    throw new WgBridgeError(
      "WG_BRIDGE_SANDBOX",
      `${path} has not been made: compare runs in a checkout of wg-bridge. There, scripts/netns takes it from the pinned Go module.`,
      { cause },
    );
  }
}

/** How many steps the script with this hash has, where that has been counted. */
export function countedSteps(sha256: string): number | null {
  return sha256 === counted.sha256 ? counted.steps : null;
}
