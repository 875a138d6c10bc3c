import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/**
 * Returns the number if it is a UDP port to listen on, 0 to 65535; 0 lets the kernel choose.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function checkListenPort(port: number): number {
  return checkRange("The listen port", port, 65_535);
}

/**
 * Returns the number if it is a firewall mark, 0 to 4294967295; 0 is off.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function checkFwmark(mark: number): number {
  return checkRange("The fwmark", mark, 0xffff_ffff);
}

/** Seconds between keepalives, 1 to 65535, or off. */
export type PersistentKeepalive = "off" | number;

/**
 * Reads the seconds between keepalives; 0 means off, as for wg(8).
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function persistentKeepalive(value: PersistentKeepalive): PersistentKeepalive {
  if (value === "off" || value === 0) return "off";
  return checkRange("The persistent keepalive", value, 65_535);
}

function checkRange(what: string, value: number, maximum: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= maximum) return value;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${what} is ${describe(value)}: give a whole number from 0 to ${maximum}.`,
  );
}
