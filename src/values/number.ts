import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/**
 * Returns a UDP port to listen on, 0 to 65535; 0 lets the kernel choose.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function checkListenPort(port: number): number {
  return checkRange("The listen port", port, 0, 65_535);
}

/**
 * Returns a firewall mark, 0 to 4294967295; 0 is off.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function checkFwmark(mark: number): number {
  return checkRange("The fwmark", mark, 0, 0xffff_ffff);
}

/**
 * Returns an MTU in bytes, 68 (RFC 791's least) to 65535.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function checkMtu(mtu: number): number {
  return checkRange("The MTU", mtu, 68, 65_535);
}

/** Seconds between keepalives, 1 to 65535, or off. */
export type PersistentKeepalive = "off" | number;

/**
 * Reads seconds between keepalives; 0 is off, as for wg(8).
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function persistentKeepalive(value: PersistentKeepalive): PersistentKeepalive {
  if (value === "off" || value === 0) return "off";
  return checkRange("The persistent keepalive", value, 0, 65_535);
}

function checkRange(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${what} is ${describe(value)}: give a whole number from ${least} to ${most}.`,
  );
}
