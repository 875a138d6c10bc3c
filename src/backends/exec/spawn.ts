import type { ChildProcess, SpawnOptions } from "node:child_process";
import { buildCommand } from "../../artifacts.js";
import { shortageError } from "../../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { requireDependency } from "../../package-root.js";
import { requireSpawn } from "../../tool.js";

/** A bundle may have left cross-spawn behind, which adds to Node.js's own spawn only what Windows needs. */
function findSpawn(): Pick<typeof import("cross-spawn"), "spawn"> {
  try {
    return requireDependency<typeof import("cross-spawn")>("cross-spawn");
  } catch {
    return process.getBuiltinModule("node:child_process");
  }
}

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
    const { spawn } = findSpawn();
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

function spawnError(executable: string, error: unknown): WgBridgeError {
  if (error instanceof WgBridgeError) return error;
  const choose = "Choose another with WIREGUARD_GO_EXECUTABLE.";
  switch (systemCodeOf(error)) {
    case "ENOENT":
      return new WgBridgeError(
        "WG_BRIDGE_EXECUTABLE_MISSING",
        `The executable ${executable}, or the loader or interpreter that it names, does not exist. Build it with "${buildCommand}". ${choose}`,
        { cause: error },
      );
    default:
      return (
        shortageError(`Starting ${executable}`, error) ??
        new WgBridgeError(
          "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
          `The executable ${executable} cannot be run on this machine (${messageOf(error)}). ${choose}`,
          { cause: error },
        )
      );
  }
}
