import { WgBridgeError } from "../errors.js";
import { quote } from "../text/quote.js";
import { parseAddress, parsePrefixLength } from "./address.js";

/**
 * Reads an address for ip-address(8), with or without the prefix length of its network. Returns undefined
 * if the text is not one. A netmask becomes its length: "10.0.0.1/255.255.255.0" is "10.0.0.1/24". What
 * ip(8) reads differently from most people is refused: leading zeros (octal) and short addresses ("10.1",
 * which is 10.1.0.0 to ip, and 10.0.0.1 to other programs).
 */
export function interfaceAddress(text: string): string | undefined {
  const [, address = "", length] = /^([^/]+)(?:\/([^/]+))?$/.exec(text) ?? [];
  const bits = (parseAddress(address)?.length ?? 0) * 8;
  if (bits === 0) return undefined;
  if (length === undefined) return address;
  const prefix =
    bits === 32 && length.includes(".") ? lengthOfMask(length) : parsePrefixLength(length);
  return prefix === undefined || prefix > bits ? undefined : `${address}/${prefix}`;
}

/** Counts the ones at the start of a netmask. Returns undefined if more ones follow its zeros. */
function lengthOfMask(text: string): number | undefined {
  const bytes = parseAddress(text);
  if (bytes?.length !== 4) return undefined;
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^(1*)0*$/.exec(bits)?.[1]?.length;
}

/**
 * Reads an address as interfaceAddress does.
 * @throws WgBridgeError WG_BRIDGE_NETWORK
 */
export function checkInterfaceAddress(text: string): string {
  const address = interfaceAddress(text);
  if (address !== undefined) return address;
  throw new WgBridgeError(
    "WG_BRIDGE_NETWORK",
    `${quote(text)} is not an interface address: give one such as 10.0.0.2/24 or fd00::2/64.`,
  );
}
