import { WgBridgeError } from "../errors.js";
import { quote } from "../text/quote.js";
import { isIPv4, isIPv6 } from "../values/address.js";

/** The network inside the engine, in the terms of the station's request of that name. */
export interface Network {
  readonly addresses: readonly string[];
  readonly dns: readonly string[];
  readonly search: readonly string[];
  readonly mtu?: number | undefined;
  readonly memory?: number | undefined;
}

/** What options and configuration say of it. */
interface Given {
  /** With or without the length of a prefix: there are no neighbours inside a tunnel. */
  readonly addresses: readonly string[];
  /** Addresses of servers, and search domains, mixed as in a file for wg-quick. */
  readonly dns: readonly string[];
  readonly mtu?: number | undefined;
  /** Bytes of all buffers together. */
  readonly memory?: number | undefined;
}

const minMtu = 1280;

/**
 * Returns the network that is asked for.
 * @throws WgBridgeError WG_BRIDGE_NETWORK if it has no address; WG_BRIDGE_VALUE for an MTU or a server that it cannot have
 */
export function networkOf({ addresses, dns, mtu, memory }: Given): Network {
  if (addresses.length === 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_NETWORK",
      'A userspace tunnel needs an address: the configuration has none. Add "Address = 10.0.0.2" to its [Interface], or give the option addresses.',
    );
  }
  if (mtu !== undefined && mtu < minMtu) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      `The MTU ${mtu} is too small for a userspace tunnel: give ${minMtu} to 65535, or leave it out.`,
    );
  }
  return {
    addresses: addresses.map((address) => address.replace(/\/.*$/, "")),
    dns: dns.filter(isAddress),
    search: dns.filter((one) => !isAddress(one)).map(checkDomain),
    mtu,
    memory,
  };
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

function checkDomain(text: string): string {
  if (/^[\p{L}\p{N}_.-]{1,253}$/u.test(text) && !/^[\d.]+$/.test(text)) return text;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${quote(text)} is neither the address of a name server nor a search domain: correct DNS, or leave it out.`,
  );
}
