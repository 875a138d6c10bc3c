import type { Environment } from "../../artifacts.js";
import { findProgram } from "../../doctor/tools.js";
import { WgBridgeError } from "../../errors.js";
import { functionVariable } from "./implementation.js";

/** What the tunnel's program must be told. */
const told = [
  "PATH",
  "WG_QUICK_USERSPACE_IMPLEMENTATION",
  functionVariable,
  "WG_BRIDGE_BACKEND",
  "WG_BRIDGE_DISABLE",
  "WIREGUARD_GO_BRIDGE_LIB_PATH",
  "WIREGUARD_GO_EXECUTABLE",
  "LOG_LEVEL",
];

/**
 * The command as root has to run it. wg-quick would call sudo by itself, which drops the environment:
 * so sudo is called here, with what is needed of it. For root it is the command itself.
 * @throws WgBridgeError WG_BRIDGE_PERMISSION where there is no sudo
 */
export function asRoot(
  command: readonly string[],
  env: Environment,
  isRoot = process.geteuid?.() === 0,
): readonly string[] {
  if (isRoot) return command;
  const sudo = findProgram("sudo", env);
  if (sudo === undefined) {
    throw new WgBridgeError(
      "WG_BRIDGE_PERMISSION",
      "Only root may make an interface with addresses and routes, and there is no sudo to become root with: run wg-bridge as root.",
    );
  }
  const settings = told.flatMap((name) => (env[name] ? [`${name}=${env[name]}`] : []));
  return [sudo, "--", "env", ...settings, ...command];
}
