import { WgBridgeError } from "../errors.js";
import { describe, quote } from "../text/quote.js";
import { isIPv4, isIPv6 } from "./address.js";
import { isCanonicalIPv4Endpoint } from "./canonical.js";

/** The address at which a peer is reached. */
export interface Endpoint {
  /** An IPv4 address, an IPv6 address without brackets but perhaps with a zone, or a host name. */
  readonly host: string;
  /** UDP port, 1 to 65535. */
  readonly port: number;
}

/**
 * Reads "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%eth0]:51820" or "vpn.example.org:51820".
 * @throws WgBridgeError WG_BRIDGE_ENDPOINT
 */
export function parseEndpoint(text: string): Endpoint {
  if (typeof text !== "string") throw endpointError(text);
  if (isPlainIPv4(text)) {
    const colon = text.indexOf(":");
    return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
  }
  const [, inBrackets, plain, digits] = /^(?:\[([^[\]]*)\]|([^[\]:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? plain ?? "";
  const port = Number(digits);
  const valid = inBrackets === undefined ? isIPv4(host) || isHostName(host) : isZonedIPv6(host);
  if (valid && port >= 1 && port <= 65_535) return { host, port };
  throw endpointError(text);
}

function endpointError(given: unknown): WgBridgeError {
  // Long enough for a host name, which may have 253 characters.
  const shown = typeof given === "string" ? quote(given, 300) : describe(given);
  return new WgBridgeError(
    "WG_BRIDGE_ENDPOINT",
    `${shown} is not an endpoint: give a host and a port from 1 to 65535, such as 192.0.2.1:51820, [2001:db8::1]:51820 or vpn.example.org:51820.`,
  );
}

/** As large as the longest endpoint with an IPv4 address. */
const scratch = Buffer.alloc(21);

/** Most endpoints are an IPv4 address and a port, which is recognised quickly. */
function isPlainIPv4(text: string): boolean {
  return text.length <= scratch.length && isCanonicalIPv4Endpoint(scratch, 0, scratch.write(text));
}

/**
 * Writes an endpoint as wg(8) does.
 * @throws WgBridgeError WG_BRIDGE_ENDPOINT if it has no host
 */
export function formatEndpoint(endpoint: Endpoint): string {
  const { host, port } = endpoint ?? {};
  if (typeof host !== "string") throw endpointError(endpoint);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reports whether the host is an address, which needs no resolving. */
export function isNumeric({ host }: Pick<Endpoint, "host">): boolean {
  return isIPv4(host) || isZonedIPv6(host);
}

/**
 * Returns the endpoint if it is valid.
 * @throws WgBridgeError WG_BRIDGE_ENDPOINT
 */
export function checkEndpoint(endpoint: Endpoint): Endpoint {
  return parseEndpoint(formatEndpoint(endpoint));
}

/** Reports whether a host is an IPv6 address, perhaps with a zone. */
function isZonedIPv6(host: string): boolean {
  const [, address = "", zone] = /^([^%]*)(?:%(.*))?$/.exec(host) ?? [];
  // A zone is an interface's name or number. A line break in it would end the UAPI request.
  const zoned = zone === undefined || /^[^\s/%[\]]{1,15}$/.test(zone);
  return zoned && isIPv6(address);
}

/**
 * Reports whether a host is a name that getaddrinfo(3) accepts: labels of letters, digits, hyphens and
 * underscores, at most 253 characters in all.
 */
function isHostName(host: string): boolean {
  if (host.length > 253 || /^[\d.]+$/.test(host)) return false;
  return /^(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.)*[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.?$/u.test(
    host,
  );
}
