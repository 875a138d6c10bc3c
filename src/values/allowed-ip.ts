import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";
import { formatAddress, parseAddress, parsePrefixLength } from "./address.js";
import { isCanonicalPrefix } from "./canonical.js";

declare const brand: unique symbol;

/**
 * A normalised prefix, "10.0.0.0/24" or "fd00::/64": the bits after its length are zero, and IPv6 is
 * written as RFC 5952 recommends. It is a string, so that === and Set work; only {@link allowedIp} makes
 * one.
 */
export type AllowedIp = string & { readonly [brand]: "AllowedIp" };

/**
 * Reads a prefix and normalises it: "10.0.0.1/24" becomes "10.0.0.0/24". An address without a length
 * becomes a prefix of that address alone.
 * @throws WgBridgeError WG_BRIDGE_ALLOWED_IP
 */
export function allowedIp(text: string): AllowedIp {
  if (typeof text !== "string") throw allowedIpError(text);
  if (isCanonical(text)) return text;
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const bytes = parseAddress(address);
  if (bytes === undefined) throw allowedIpError(text);
  const bits = bytes.length * 8;
  const length = slash === -1 ? bits : parsePrefixLength(text.slice(slash + 1));
  if (length === undefined || length > bits) throw allowedIpError(text);
  maskTo(bytes, length);
  return `${formatAddress(bytes)}/${length}` as AllowedIp; // normalised above
}

/** As large as the longest normalised prefix. */
const scratch = Buffer.alloc(43);

/** Most prefixes are normalised already, and recognising one is much faster than normalising it. */
function isCanonical(text: string): text is AllowedIp {
  return text.length <= scratch.length && isCanonicalPrefix(scratch, 0, scratch.write(text));
}

/** Returns the prefix that bytes spell. isCanonicalPrefix must have recognised them. */
export function canonicalAllowedIp(bytes: Buffer, start: number, end: number): AllowedIp {
  return bytes.toString("latin1", start, end) as AllowedIp; // checked by the caller
}

function maskTo(bytes: Uint8Array, length: number): void {
  for (let index = length >> 3; index < bytes.length; index++) {
    const kept = Math.max(0, length - index * 8);
    bytes[index] = (bytes[index] ?? 0) & (0xff00 >> kept);
  }
}

function allowedIpError(text: unknown): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_ALLOWED_IP",
    `${describe(text)} is not an allowed IP: give an address or a prefix, such as 10.0.0.0/24 or fd00::/64.`,
  );
}
