import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { bundled, requireDependency } from "../../package-root.js";

/**
 * Loads Koffi, a native addon, which calls C functions. It is required, not imported: that spares several
 * milliseconds of every start.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_KOFFI: it is not installed, or Node.js may not load addons.
 */
export function requireKoffi(): typeof import("koffi") {
  try {
    return requireDependency("koffi");
  } catch (error) {
    const reason = messageOf(error).split("\n", 1)[0]?.replace(/[.?]$/, "");
    throw new WgBridgeError(
      "WG_BRIDGE_LIBRARY_KOFFI",
      `Koffi, which calls the Go library, cannot be loaded: ${reason}. ${remedyFor(error)}`,
      { cause: error },
    );
  }
}

function remedyFor(error: unknown): string {
  if (systemCodeOf(error) === "ERR_DLOPEN_DISABLED") {
    return "Start node without --no-addons, and with --allow-addons if with --permission, or use --backend=exec.";
  }
  return bundled
    ? "A bundler has left it behind: mark wg-bridge and koffi external there, or use --backend=exec."
    : "Install it with its optional packages (npm install --include=optional), or use --backend=exec.";
}
