import { isIP } from "node:net";
import type { PeerConfig } from "../device/config.js";
import { WgBridgeError } from "../errors.js";
import { allowedIp } from "../values/allowed-ip.js";
import type { Network } from "./network.js";

/** How many allowed IPs a message names. */
const shown = 8;

/**
 * Refuses name servers that no packet could reach through the tunnel: their questions would only ever time out. Without
 * peers nothing is known yet.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function refuseServersOutside(
  { dns, addresses }: Network,
  peers: readonly PeerConfig[],
): void {
  if (peers.length === 0) return;
  const ranges = peers.flatMap((peer) => peer.allowedIps);
  const outside = dns.find(
    (server) => !addresses.includes(server) && !ranges.some((range) => holds(range, server)),
  );
  if (outside === undefined) return;
  const length = isIP(outside) === 4 ? 32 : 128;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `The DNS server ${outside} is outside the allowed IPs of all peers (${listOf(ranges)}), so that the tunnel cannot carry questions to it. Add ${outside}/${length} to a peer's AllowedIPs, or name a server inside.`,
  );
}

function holds(range: string, address: string): boolean {
  const [start = "", length = ""] = range.split("/");
  return isIP(start) === isIP(address) && allowedIp(`${address}/${length}`) === range;
}

function listOf(ranges: readonly string[]): string {
  if (ranges.length === 0) return "none";
  const more = ranges.length > shown ? ` and ${ranges.length - shown} more` : "";
  return ranges.slice(0, shown).join(", ") + more;
}
