import { untilAborted } from "../deadline.js";
import type { PeerChange } from "../device/change.js";
import type { DeviceConfig, PeerConfig } from "../device/config.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";
import { type Endpoint, isNumeric } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";

/** Resolves a host name to an address. */
export type Lookup = (host: string) => Promise<string>;

/** The maximum time for a lookup, in milliseconds. By default the system's resolver gives up earlier. */
const lookupTimeout = 30_000;

/** Asks the system's resolver, /etc/hosts included, and returns its first answer, as wg(8) does. */
export async function systemLookup(host: string): Promise<string> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { order: "verbatim" })).address;
}

/** Settles as the lookup does, or rejects if it takes too long. */
async function withinTime(answer: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${lookupTimeout / 1000} s`);
    timer = setTimeout(() => reject(error), lookupTimeout);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a peer's endpoint with an address in place of a host name. */
export async function resolveEndpoint(
  publicKey: PublicKey,
  endpoint: Endpoint,
  lookup: Lookup,
): Promise<Endpoint> {
  if (isNumeric(endpoint)) return endpoint;
  try {
    const { host, port } = endpoint;
    return { host: checkAddress(await withinTime(lookup(host))), port };
  } catch (error) {
    throw new WgBridgeError(
      "WG_BRIDGE_RESOLVE",
      `The host name ${endpoint.host} of the peer ${publicKey} cannot be resolved (${messageOf(error)}). Check the name and this machine's DNS, or give an address.`,
      { cause: error },
    );
  }
}

/** A program's lookup may resolve with anything: Node's own dns.lookup resolves with an object. */
function checkAddress(address: unknown): string {
  if (typeof address === "string" && isNumeric({ host: address })) return address;
  throw new TypeError(`lookup gave ${describe(address)} in place of an address`);
}

/** Resolves the endpoints of all peers. Rejects with the signal's reason as soon as that fires. */
export async function resolvePeers<Peer extends PeerConfig | PeerChange>(
  peers: readonly Peer[],
  lookup: Lookup,
  signal: AbortSignal | undefined,
): Promise<readonly Peer[]> {
  if (!peers.some(hasHostName)) return peers;
  const resolved = peers.map(async (peer) =>
    hasHostName(peer)
      ? { ...peer, endpoint: await resolveEndpoint(peer.publicKey, peer.endpoint, lookup) }
      : peer,
  );
  // Node's lookup cannot be cancelled, but we need not wait for it.
  return untilAborted(Promise.all(resolved), signal);
}

/** Reports whether a peer's endpoint has to be resolved. */
export function hasHostName<Peer extends { readonly endpoint?: Endpoint }>(
  peer: Peer,
): peer is Peer & { readonly endpoint: Endpoint } {
  return peer.endpoint !== undefined && !isNumeric(peer.endpoint);
}

/** Returns the configuration with addresses in place of host names. */
export async function resolveConfig(
  config: DeviceConfig,
  lookup: Lookup,
  signal: AbortSignal | undefined,
): Promise<DeviceConfig> {
  return { ...config, peers: await resolvePeers(config.peers, lookup, signal) };
}
