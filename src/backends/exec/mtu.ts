import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { messageOf, WgBridgeError } from "../../errors.js";

/**
 * Sets an interface's MTU in bytes. Containers mount /sys read-only; there ip(8) does it, and is killed
 * when the signal fires.
 * @throws WgBridgeError WG_BRIDGE_ENGINE
 */
export async function setMtu(name: string, mtu: number, signal: AbortSignal): Promise<void> {
  try {
    await writeFile(`/sys/class/net/${name}/mtu`, String(mtu));
  } catch {
    await setWithIp(name, mtu, signal);
  }
}

async function setWithIp(name: string, mtu: number, signal: AbortSignal): Promise<void> {
  const failure = await new Promise<string | undefined>((resolve) => {
    const child = spawn("ip", ["link", "set", "dev", name, "mtu", String(mtu)], {
      stdio: ["ignore", "ignore", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.on("error", (error) => resolve(messageOf(error)));
    child.on("close", (code) => resolve(code === 0 ? undefined : said.trim()));
  });
  if (failure === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_ENGINE",
    `The MTU of ${name} cannot be set to ${mtu} bytes (${failure}). Choose an MTU from 68 to 65535, and install iproute2.`,
  );
}
