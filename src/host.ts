import { WgBridgeError } from "./errors.js";
import { nodeVersionProblem } from "./node-version.js";

/** What this process runs on. */
interface Host {
  /** As in process.platform. */
  readonly platform: string;
  /** As in process.versions.node. */
  readonly node: string;
}

/**
 * Checks that tunnels can exist here, in the first step of whatever deals with them. Importing the package works
 * everywhere, because keys, configurations and the codec do.
 * @throws WgBridgeError WG_BRIDGE_PLATFORM, WG_BRIDGE_NODE_VERSION
 */
export function requireTunnelHost(
  { platform, node }: Host = { platform: process.platform, node: process.versions.node },
): void {
  if (platform !== "linux") {
    throw new WgBridgeError(
      "WG_BRIDGE_PLATFORM",
      `wg-bridge opens tunnels on Linux only, and this is ${names[platform] ?? platform}. Keys, configurations and wg-bridge/uapi work here; run what needs a tunnel on Linux, which may be in a virtual machine, in a container or in WSL 2.`,
    );
  }
  const problem = nodeVersionProblem(node);
  if (problem !== undefined) throw new WgBridgeError("WG_BRIDGE_NODE_VERSION", problem);
}

const names: Readonly<Record<string, string>> = {
  android: "Android",
  darwin: "macOS",
  freebsd: "FreeBSD",
  win32: "Windows",
};
