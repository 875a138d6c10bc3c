import { writeFile } from "node:fs/promises";
import { shortageError } from "../../descriptors.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { runTool } from "../../tool.js";
import { isMissingCall } from "./foreign.js";

/**
 * Sets an interface's MTU in bytes. Containers mount /sys read-only: there ip(8) sets it, and is killed when the
 * signal fires. If the system has no call for that, as gVisor, the interface keeps the one it has, as on ffi.
 * @throws WgBridgeError WG_BRIDGE_ENGINE, WG_BRIDGE_RESOURCES
 */
export async function setMtu(name: string, mtu: number, signal: AbortSignal): Promise<void> {
  try {
    return await writeFile(`/sys/class/net/${name}/mtu`, String(mtu));
  } catch {} // ip(8) does it, or says why not
  const failure = await setWithIp(name, mtu, signal);
  if (failure === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_ENGINE",
    `The MTU of ${name} cannot be set to ${mtu} bytes (${failure}). Choose an MTU from 68 to 65535, and install iproute2.`,
  );
}

/** Returns why it failed, if it did. */
async function setWithIp(
  name: string,
  mtu: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = ["link", "set", "dev", name, "mtu", String(mtu)];
  try {
    const { code, said } = await runTool("ip", args, "", signal);
    return code === 0 || isMissingCall(said) ? undefined : said.trim();
  } catch (error) {
    if (signal.aborted || error instanceof WgBridgeError) throw error;
    const shortage = shortageError(`Setting the MTU of ${name} with ip`, error);
    if (shortage !== undefined) throw shortage;
    return messageOf(error);
  }
}
