import { readFileSync } from "node:fs";
import type { Endpoint } from "../../values/endpoint.js";

/**
 * Returns an endpoint whose zone, if it has one, is as wg(8) prints it: read as getaddrinfo(3) does, as
 * the name of an interface or its index, and written as getnameinfo(3) does, as the name, or the index of
 * an interface that is not there. Interfaces are those of this process's network namespace, as for wg(8).
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
 * Reads the names of the interfaces that have IPv6, by index; none if the kernel does not say.
 * /sys/class/net would show those of the namespace that it was mounted in.
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
