import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";
import { formatAddress, parseAddress } from "./address.js";
import { isCanonicalPrefix } from "./canonical.js";

declare const brand: unique symbol;

/**
 * A normalised prefix, "10.0.0.0/24" or "fd00::/64": the bits behind its length are zero, IPv6 is
 * written as RFC 5952 says. A string, so that === and Set work; only {@link allowedIp} makes one.
 */
export type AllowedIp = string & { readonly [brand]: "AllowedIp" };

/**
 * Reads a prefix and normalises it: "10.0.0.1/24" becomes "10.0.0.0/24", an address without a length
 * becomes a prefix of that one address.
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
  const length = slash === -1 ? bits : prefixLength(text.slice(slash + 1));
  if (length === undefined || length > bits) throw allowedIpError(text);
  maskTo(bytes, length);
  return `${formatAddress(bytes)}/${length}` as AllowedIp; // normal by now
}

/** As long as the longest prefix in its normal form. */
const scratch = Buffer.alloc(43);

/** Most prefixes are normal already, and to see that is much faster than to make them so. */
function isCanonical(text: string): text is AllowedIp {
  return text.length <= scratch.length && isCanonicalPrefix(scratch, 0, scratch.write(text));
}

/** The prefix that bytes spell of which isCanonicalPrefix said that they are one. */
export function canonicalAllowedIp(bytes: Buffer, start: number, end: number): AllowedIp {
  return bytes.toString("latin1", start, end) as AllowedIp; // checked by the caller
}

function prefixLength(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
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
    `${describe(text)} is no allowed IP: give an address, or an address and the length of its prefix, as 10.0.0.0/24 or fd00::/64.`,
  );
}
