import { readAllowedIps } from "../../config/field-value.js";
import type { PeerChange } from "../../device/change.js";
import type { AllowedIp } from "../../values/allowed-ip.js";

/**
 * Reads a list of allowed IPs as wg(8) does: it replaces those of the peer, unless "+" or "-" before one
 * of them makes it a list of what to add and to remove.
 * @throws WgBridgeError WG_BRIDGE_ALLOWED_IP
 */
export function readAllowedIpsChange(
  list: string,
): Pick<PeerChange, "replaceAllowedIps" | "allowedIps" | "removeAllowedIps"> {
  const allowedIps: AllowedIp[] = [];
  const removeAllowedIps: AllowedIp[] = [];
  const entries = list === "" ? [] : list.replace(/\s/g, "").split(",");
  for (const entry of entries) {
    readAllowedIps(
      entry.replace(/^[+-]/, ""),
      entry.startsWith("-") ? removeAllowedIps : allowedIps,
    );
  }
  const replaceAllowedIps = !entries.some((entry) => /^[+-]/.test(entry));
  return { replaceAllowedIps, allowedIps, removeAllowedIps };
}
