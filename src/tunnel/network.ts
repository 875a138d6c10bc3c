import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { redact } from "../text/redact.js";
import { runTool } from "../tool.js";
import { checkInterfaceAddress } from "../values/interface-address.js";

/** How to set up an interface besides its WireGuard configuration. */
export interface NetworkSettings {
  /** Each an address with the length of its network's prefix: "10.0.0.2/24". */
  readonly addresses: readonly string[];
  readonly up: boolean;
}

/**
 * Adds addresses to an interface and sets it up, with one run of ip(8).
 * @throws WgBridgeError WG_BRIDGE_NETWORK with the message of ip(8), WG_BRIDGE_TOOL_MISSING,
 *   WG_BRIDGE_RESOURCES; or the signal's reason
 */
export async function configureNetwork(
  name: string,
  { addresses, up }: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  // `ip -batch` splits at white space: an unchecked address could smuggle in arguments.
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
  // Somebody may have given a key in place of an address.
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
