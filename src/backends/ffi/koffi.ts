import { createRequire } from "node:module";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";

/**
 * Loads Koffi, a native addon, which calls C functions. It is required, not imported: that spares several
 * milliseconds of every start.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_KOFFI: it is not installed, or Node.js may not load addons.
 */
export function requireKoffi(): typeof import("koffi") {
  try {
    return createRequire(import.meta.url)("koffi");
  } catch (error) {
    const reason = messageOf(error).split("\n", 1)[0]?.replace(/\.$/, "");
    throw new WgBridgeError(
      "WG_BRIDGE_LIBRARY_KOFFI",
      `Koffi, which calls the Go library, cannot be loaded: ${reason}. ${remedyFor(error)}, or use --backend=exec.`,
      { cause: error },
    );
  }
}

function remedyFor(error: unknown): string {
  if (systemCodeOf(error) === "ERR_DLOPEN_DISABLED") {
    return "Start node without --no-addons, and with --allow-addons if with --permission";
  }
  return "Install it with its optional packages (npm install --include=optional)";
}
