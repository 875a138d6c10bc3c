import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { redact } from "../text/redact.js";
import { runTool } from "../tool.js";
import { checkInterfaceAddress } from "../values/interface-address.js";

/** What an interface gets besides its WireGuard configuration. */
export interface NetworkSettings {
  /** "10.0.0.2/24": an address and the length of its network's prefix. */
  readonly addresses: readonly string[];
  readonly up: boolean;
}

/**
 * Gives an interface its addresses, and sets it up, by one run of ip(8).
 * @throws WgBridgeError WG_BRIDGE_NETWORK with what ip(8) said, WG_BRIDGE_TOOL_MISSING,
 *   WG_BRIDGE_RESOURCES; or the signal's reason
 */
export async function configureNetwork(
  name: string,
  { addresses, up }: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  // ip(8) reads words: anything but an address would be another command's.
  const lines = [
    ...addresses.map((address) => `address add ${checkInterfaceAddress(address)} dev ${name}`),
    ...(up ? [`link set dev ${name} up`] : []),
  ];
  if (lines.length > 0) await runIp(name, `${lines.join("\n")}\n`, signal);
}

async function runIp(name: string, batch: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    const { code, said } = await runTool("ip", ["-batch", "-"], batch, signal);
    if (code !== 0) throw networkError(name, batch, said);
  } catch (error) {
    throw signal?.aborted ? signal.reason : ipError(name, error);
  }
}

function networkError(name: string, batch: string, said: string): WgBridgeError {
  const line = Number(/^Command failed -:(\d+)$/m.exec(said)?.[1]);
  const command = batch.split("\n")[line - 1];
  const cause = said.replace(/^Command failed.*$/m, "").trim();
  // A key that was given in place of an address is hidden.
  const failed = redact(`"ip ${command ?? "-batch"}" failed (${cause})`);
  return new WgBridgeError(
    "WG_BRIDGE_NETWORK",
    `The interface ${name} cannot be set up as asked: ${failed}. Check the addresses.`,
  );
}

function ipError(name: string, error: unknown): unknown {
  if (systemCodeOf(error) !== "ENOENT")
    return shortageError(`Setting up ${name} with ip`, error) ?? error;
  return new WgBridgeError(
    "WG_BRIDGE_TOOL_MISSING",
    `Setting up ${name} needs the command ip (${messageOf(error)}). Install your distribution's package iproute2 (iproute on Fedora), or open the tunnel without addresses.`,
    { cause: error },
  );
}
