import { readFileSync } from "node:fs";
import type { DeviceStatus, PeerStatus } from "../../device/status.js";
import { printable } from "../../text/printable.js";
import { formatAddressAsLibc, parseAddress } from "../../values/address.js";
import type { AllowedIp } from "../../values/allowed-ip.js";
import { type Endpoint, formatEndpoint } from "../../values/endpoint.js";

/** An interface and its state. */
export interface Shown {
  readonly name: string;
  readonly status: DeviceStatus;
  /** By which instructions its engine encrypts, if that was asked and the engine says it. */
  readonly cipher?: string | undefined;
}

/** wg(8)'s word for an absent value. */
export const none = "(none)";

/** Formats an endpoint as wg(8) does. */
export function endpointText({ endpoint }: PeerStatus): string {
  if (endpoint === undefined) return none;
  const { host, port } = withZoneName(endpoint);
  const [address = "", zone] = host.split("%");
  return formatEndpoint({
    host: libcAddress(address) + (zone === undefined ? "" : `%${printable(zone)}`),
    port,
  });
}

/** Formats the two parts of a prefix as wg(8) does. */
export function prefixParts(prefix: AllowedIp): readonly [address: string, length: string] {
  const [address = "", length = ""] = prefix.split("/");
  return [libcAddress(address), length];
}

/** Formats a prefix as wg(8) does. */
export function prefixText(prefix: AllowedIp): string {
  return prefixParts(prefix).join("/");
}

function libcAddress(text: string): string {
  const bytes = parseAddress(text);
  return bytes === undefined ? text : formatAddressAsLibc(bytes);
}

/** Formats a mark as wg(8) does. */
export function fwmarkText({ fwmark }: DeviceStatus): string {
  return fwmark ? `0x${fwmark.toString(16)}` : "off";
}

/** Returns the time of the latest handshake, in seconds since 1970, 0 if there was none. */
export function handshakeSeconds({ latestHandshake }: PeerStatus): number {
  return Math.floor((latestHandshake?.getTime() ?? 0) / 1000);
}

/**
 * Returns an endpoint with its zone, if any, as wg(8) prints it. The zone is read as getaddrinfo(3) does, as
 * the name or index of an interface of this process's network namespace. It is written as getnameinfo(3)
 * does, as the name, or as the index if there is no such interface.
 */
export function withZoneName(endpoint: Endpoint): Endpoint {
  const [address, zone] = endpoint.host.split("%");
  if (zone === undefined || !/^\d+$/.test(zone)) return endpoint;
  const names = readInterfaceNames();
  // A name comes first: an interface may be called 100.
  if ([...names.values()].includes(zone)) return endpoint;
  const index = Number(zone);
  return { ...endpoint, host: `${address}%${names.get(index) ?? index}` };
}

/**
 * Reads the names of the interfaces that have IPv6, by index; none if the kernel does not list them.
 * /sys/class/net would list those of the namespace that it was mounted in.
 */
function readInterfaceNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  let table: string;
  try {
    table = readFileSync("/proc/self/net/igmp6", "utf8");
  } catch {
    return names;
  }
  // A line for each multicast group that an interface is in: index, name, group, ...
  for (const [, index, name] of table.matchAll(/^(\d+)\s+(\S+)/gm)) {
    if (name !== undefined) names.set(Number(index), name);
  }
  return names;
}
