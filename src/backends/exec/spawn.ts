import type { ChildProcess, SpawnOptions } from "node:child_process";
import { createRequire } from "node:module";
import { shortageError } from "../../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { requireSpawn } from "../../tool.js";

// Required, not imported: that spares several milliseconds of every start.
const require = createRequire(import.meta.url);

/**
 * Starts the executable and resolves once the kernel runs it.
 * @throws WgBridgeError WG_BRIDGE_EXECUTABLE_MISSING, WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE,
 *   WG_BRIDGE_RESOURCES
 */
export async function spawnExecutable(
  executable: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess> {
  try {
    const spawn: typeof import("cross-spawn") = require("cross-spawn");
    const { stdio = [] } = options;
    requireSpawn(executable, Array.isArray(stdio) ? stdio.length : 3);
    const child = spawn(executable, args, options);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return child;
  } catch (error) {
    throw spawnError(executable, error);
  }
}

function spawnError(executable: string, error: unknown): Error {
  const choose = "Choose another with WIREGUARD_GO_EXECUTABLE.";
  switch (systemCodeOf(error)) {
    case "ENOENT":
      return new WgBridgeError(
        "WG_BRIDGE_EXECUTABLE_MISSING",
        `The executable ${executable}, or the loader or interpreter that it names, does not exist. Build it with "npm run build". ${choose}`,
        { cause: error },
      );
    case "EACCES":
    case "EPERM":
    case "ENOEXEC":
    case "ERR_ACCESS_DENIED":
      return new WgBridgeError(
        "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
        `The executable ${executable} cannot be run on this machine (${messageOf(error)}). ${choose}`,
        { cause: error },
      );
    default:
      return (
        shortageError(`Starting ${executable}`, error) ??
        (error instanceof Error ? error : new Error(messageOf(error)))
      );
  }
}
