import type { AllowedIp } from "../values/allowed-ip.js";
import { formatEndpoint } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";
import type { DeviceChange, PeerChange } from "./change.js";
import type { DeviceConfig, PeerConfig } from "./config.js";
import type { DeviceStatus, PeerStatus } from "./status.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * The one change that makes a device what is wanted, or undefined where it is that already. What is
 * the same is not mentioned, so that no session is lost. What is wanted is all there is to be: other
 * peers go, and so do an absent private key, fwmark, preshared key and keepalive; `wg syncconf` keeps
 * the last two. An absent endpoint stays as it is. An absent listen port does too, other than for wg:
 * any port is what was asked for.
 *
 * `exactly` tells whether the engine can remove single allowed IPs; where it cannot, a peer that
 * loses some gets its whole list anew.
 */
export function difference(
  current: DeviceStatus,
  wanted: DeviceConfig,
  exactly = true,
): DeviceChange | undefined {
  const change: Mutable<DeviceChange> = {};
  if (wanted.listenPort && wanted.listenPort !== current.listenPort) {
    change.listenPort = wanted.listenPort;
  }
  if ((wanted.fwmark ?? 0) !== (current.fwmark ?? 0)) change.fwmark = wanted.fwmark ?? 0;
  const privateKey = secretChange(current.privateKey, wanted.privateKey);
  if (privateKey !== undefined) change.privateKey = privateKey;
  const peers = peerChanges(current, settle(wanted), exactly);
  if (peers.length > 0) change.peers = peers;
  if (peers.length > 0 && current.peers.length === 0) change.replacePeers = true;
  return Object.keys(change).length === 0 ? undefined : change;
}

/**
 * The peers as an engine would have them after taking one after another: of a peer given twice the
 * last counts, with the endpoint that either has; an allowed IP is its last peer's; a peer with our
 * own key is none.
 */
function settle(wanted: DeviceConfig): readonly PeerConfig[] {
  const peers = new Map<PublicKey, PeerConfig>();
  const owners = new Map<AllowedIp, PublicKey>();
  const ownKey = wanted.privateKey?.publicKey();
  for (const peer of wanted.peers) {
    if (peer.publicKey === ownKey) continue;
    const endpoint = peer.endpoint ?? peers.get(peer.publicKey)?.endpoint;
    peers.set(peer.publicKey, endpoint === undefined ? peer : { ...peer, endpoint });
    for (const prefix of peer.allowedIps) owners.set(prefix, peer.publicKey);
  }
  const listed = wanted.peers.reduce((count, peer) => count + peer.allowedIps.length, 0);
  if (peers.size === wanted.peers.length && owners.size === listed) return wanted.peers;
  return Array.from(peers.values(), (peer) => {
    const owned = peer.allowedIps.filter((prefix) => owners.get(prefix) === peer.publicKey);
    return { ...peer, allowedIps: [...new Set(owned)] };
  });
}

function peerChanges(
  current: DeviceStatus,
  wanted: readonly PeerConfig[],
  exactly: boolean,
): readonly PeerChange[] {
  const present = new Map(current.peers.map((peer) => [peer.publicKey, peer]));
  const changes: PeerChange[] = [];
  for (const peer of wanted) {
    const before = present.get(peer.publicKey);
    const change = before === undefined ? addition(peer) : peerChange(before, peer, exactly);
    if (change !== undefined) changes.push(change);
    present.delete(peer.publicKey);
  }
  const removals = Array.from(present.keys(), (publicKey) => ({ publicKey, remove: true }));
  return [...removals, ...changes];
}

function addition(peer: PeerConfig): PeerChange {
  const { persistentKeepalive = "off", ...rest } = peer;
  return persistentKeepalive === "off" ? rest : { ...rest, persistentKeepalive };
}

function peerChange(
  before: PeerStatus,
  wanted: PeerConfig,
  exactly: boolean,
): PeerChange | undefined {
  const change: Mutable<PeerChange> = { publicKey: wanted.publicKey };
  const presharedKey = secretChange(before.presharedKey, wanted.presharedKey);
  if (presharedKey !== undefined) change.presharedKey = presharedKey;
  if (wanted.endpoint !== undefined && !sameEndpoint(before, wanted)) {
    change.endpoint = wanted.endpoint;
  }
  const keepalive = wanted.persistentKeepalive ?? "off";
  if (keepalive !== before.persistentKeepalive) change.persistentKeepalive = keepalive;
  Object.assign(change, allowedIpsChange(before.allowedIps, wanted.allowedIps, exactly));
  return Object.keys(change).length === 1 ? undefined : change;
}

function sameEndpoint(before: PeerStatus, wanted: PeerConfig): boolean {
  const [one, two] = [before.endpoint, wanted.endpoint];
  return one !== undefined && two !== undefined && formatEndpoint(one) === formatEndpoint(two);
}

function allowedIpsChange(
  before: readonly AllowedIp[],
  wanted: readonly AllowedIp[],
  exactly: boolean,
): Partial<PeerChange> {
  const added = without(wanted, before);
  const removed = without(before, wanted);
  if (removed.length > 0 && !exactly) return { replaceAllowedIps: true, allowedIps: wanted };
  return {
    ...(added.length === 0 ? {} : { allowedIps: added }),
    ...(removed.length === 0 ? {} : { removeAllowedIps: removed }),
  };
}

/** The prefixes that are not among the others. Most lists are so short that a Set costs more. */
function without(some: readonly AllowedIp[], others: readonly AllowedIp[]): readonly AllowedIp[] {
  if (others.length <= 8) return some.filter((prefix) => !others.includes(prefix));
  const known = new Set(others);
  return some.filter((prefix) => !known.has(prefix));
}

interface Secret<Key> {
  equals(other: Key): boolean;
}

function secretChange<Key extends Secret<Key>>(
  current: Key | undefined,
  wanted: Key | undefined,
): Key | "remove" | undefined {
  if (wanted === undefined) return current === undefined ? undefined : "remove";
  return current !== undefined && wanted.equals(current) ? undefined : wanted;
}
