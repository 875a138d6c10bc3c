import { networkInterfaces } from "node:os";
import { WgBridgeError } from "../errors.js";
import { formatSocketAddress, type HostPort, isSocketPath } from "../proxy/address.js";
import type { CheckedProxySpec } from "../proxy/spec.js";
import type { Endpoint } from "../values/endpoint.js";

/**
 * Refuses peers whose packets would come to a UDP forward of the tunnel itself, and so into the tunnel again, for ever.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function refuseLoops(
  forwards: CheckedProxySpec["forward"],
  endpoints: readonly Endpoint[],
): void {
  for (const [index, { protocol, listen }] of forwards.entries()) {
    if (protocol !== "udp" || isSocketPath(listen)) continue;
    const endpoint = endpoints.find((one) => leadsTo(one, listen));
    if (endpoint === undefined) continue;
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      `The UDP forward ${index + 1} listens at ${formatSocketAddress(listen)}, which is the endpoint of a peer: the tunnel would carry itself. Give another address.`,
    );
  }
}

function leadsTo(endpoint: Endpoint, listen: HostPort): boolean {
  if (endpoint.port !== listen.port) return false;
  if (endpoint.host === listen.host) return true;
  return (listen.host === "0.0.0.0" || listen.host === "::") && isOwn(endpoint.host);
}

/** Whether an address is one of this machine's. All of 127.0.0.0/8 is. */
function isOwn(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return host.startsWith("127.") || own.some(({ address }) => address === host);
}
