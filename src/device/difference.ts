import type { AllowedIp } from "../values/allowed-ip.js";
import { formatEndpoint } from "../values/endpoint.js";
import { type PrivateKey, type PublicKey, publicKeyHex } from "../values/key.js";
import type { DeviceChange, PeerChange } from "./change.js";
import type { DeviceConfig, PeerConfig } from "./config.js";
import type { DeviceStatus, PeerStatus } from "./status.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Returns the one change that makes a device match `wanted`, or undefined if it already does. What is equal is
 * left out, so that no session is lost. `wanted` is complete: other peers are removed, and so are a private key,
 * fwmark, preshared key and keepalive that are absent from it; `wg syncconf` keeps the last two. An absent
 * endpoint stays as it is. So does an absent listen port, unlike for wg: it asks for any port.
 *
 * If the device has no peers yet, the change is complete as well, and so replaces whatever other programs do to
 * the device meanwhile: see {@link replacesAll}.
 */
export function difference(current: DeviceStatus, wanted: DeviceConfig): DeviceChange | undefined {
  const peers = peerChanges(current, settle(wanted));
  if (peers.length > 0 && current.peers.length === 0) return replacement(current, wanted, peers);
  const change: Mutable<DeviceChange> = {};
  if (wanted.listenPort && wanted.listenPort !== current.listenPort) {
    change.listenPort = wanted.listenPort;
  }
  if ((wanted.fwmark ?? 0) !== (current.fwmark ?? 0)) change.fwmark = wanted.fwmark ?? 0;
  const privateKey = privateKeyChange(current, wanted.privateKey);
  if (privateKey !== undefined) change.privateKey = privateKey;
  if (peers.length > 0) change.peers = peers;
  return Object.keys(change).length === 0 ? undefined : change;
}

/** Repeats what is equal, too: without peers there is no session to lose. */
function replacement(
  current: DeviceStatus,
  wanted: DeviceConfig,
  peers: readonly PeerChange[],
): DeviceChange {
  const privateKey = wanted.privateKey ?? (current.privateKey && "remove");
  return {
    ...(wanted.listenPort ? { listenPort: wanted.listenPort } : {}),
    fwmark: wanted.fwmark ?? 0,
    ...(privateKey && { privateKey }),
    replacePeers: true,
    peers,
  };
}

/**
 * Reports whether a difference replaces the whole configuration of a device, so that nothing of another
 * program's can remain.
 */
export function replacesAll({ replacePeers, fwmark, privateKey }: DeviceChange): boolean {
  return replacePeers === true && fwmark !== undefined && privateKey !== undefined;
}

/**
 * Returns the peers as an engine would have them after it was given one after another. Of a peer that is given
 * twice the last one counts, with the endpoint of either. An allowed IP belongs to the last peer that has it. A
 * peer with our own key is ignored.
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

function peerChanges(current: DeviceStatus, wanted: readonly PeerConfig[]): readonly PeerChange[] {
  const present = new Map(current.peers.map((peer) => [peer.publicKey, peer]));
  const changes: PeerChange[] = [];
  for (const peer of wanted) {
    const before = present.get(peer.publicKey);
    const change = before === undefined ? addition(peer) : peerChange(before, peer);
    if (change !== undefined) changes.push(change);
    present.delete(peer.publicKey);
  }
  const removals = Array.from(present.keys(), (publicKey) => ({ publicKey, remove: true }));
  return [...removals, ...changes];
}

/** Picks a peer's configuration: `wanted` may be a status, which has more fields. */
function addition(peer: PeerConfig): PeerChange {
  const { publicKey, presharedKey, endpoint, persistentKeepalive = "off", allowedIps } = peer;
  return {
    publicKey,
    ...(presharedKey && { presharedKey }),
    ...(endpoint && { endpoint }),
    ...(persistentKeepalive === "off" ? {} : { persistentKeepalive }),
    allowedIps,
  };
}

function peerChange(before: PeerStatus, wanted: PeerConfig): PeerChange | undefined {
  const change: Mutable<PeerChange> = { publicKey: wanted.publicKey };
  const presharedKey = secretChange(before.presharedKey, wanted.presharedKey);
  if (presharedKey !== undefined) change.presharedKey = presharedKey;
  if (wanted.endpoint !== undefined && !sameEndpoint(before, wanted)) {
    change.endpoint = wanted.endpoint;
  }
  const keepalive = wanted.persistentKeepalive ?? "off";
  if (keepalive !== before.persistentKeepalive) change.persistentKeepalive = keepalive;
  Object.assign(change, allowedIpsChange(before.allowedIps, wanted.allowedIps));
  return Object.keys(change).length === 1 ? undefined : change;
}

function sameEndpoint(before: PeerStatus, wanted: PeerConfig): boolean {
  const [one, two] = [before.endpoint, wanted.endpoint];
  return one !== undefined && two !== undefined && formatEndpoint(one) === formatEndpoint(two);
}

function allowedIpsChange(
  before: readonly AllowedIp[],
  wanted: readonly AllowedIp[],
): Partial<PeerChange> {
  const added = without(wanted, before);
  const removed = without(before, wanted);
  return {
    ...(added.length === 0 ? {} : { allowedIps: added }),
    ...(removed.length === 0 ? {} : { removeAllowedIps: removed }),
  };
}

/** Returns the prefixes that are not among the others. Most lists are so short that a Set would cost more. */
function without(some: readonly AllowedIp[], others: readonly AllowedIp[]): readonly AllowedIp[] {
  if (others.length <= 8) return some.filter((prefix) => !others.includes(prefix));
  const known = new Set(others);
  return some.filter((prefix) => !known.has(prefix));
}

/** boringtun reports its public key instead of the private one, and cannot remove either. */
function privateKeyChange(
  current: DeviceStatus,
  wanted: PrivateKey | undefined,
): PrivateKey | "remove" | undefined {
  const ownPublicKey = current.unknown.find(([key]) => key === "own_public_key")?.[1];
  if (ownPublicKey === undefined) return secretChange(current.privateKey, wanted);
  const isEqual = wanted !== undefined && publicKeyHex(wanted.publicKey()) === ownPublicKey;
  return isEqual ? undefined : wanted;
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

/**
 * Reports whether an engine can make part of a change and refuse the rest: for a port, a mark, one peer too
 * many, or a key that it does not know. Everything else is checked before it is sent.
 */
export function canBeRefusedHalfway(change: DeviceChange): boolean {
  const { listenPort, fwmark, privateKey, replacePeers, peers = [], unknown = [] } = change;
  if (listenPort !== undefined || fwmark !== undefined || unknown.length > 0) return true;
  const parts = peers.length + (privateKey === undefined ? 0 : 1) + (replacePeers ? 1 : 0);
  return parts > 1 || peers.some(hasLineToRefuse);
}

function hasLineToRefuse({ unknown = [], removeAllowedIps = [] }: PeerChange): boolean {
  return unknown.length > 0 || removeAllowedIps.length > 0;
}

/**
 * Returns the change that restores the state of a device, or undefined if nothing has changed. Unlike a
 * difference it restores the port as well, and that a peer had no endpoint: such a peer had no session, and is
 * removed and added again.
 */
export function restoration(current: DeviceStatus, before: DeviceStatus): DeviceChange | undefined {
  const listenPort = before.listenPort ?? 0;
  const port = listenPort === (current.listenPort ?? 0) ? {} : { listenPort };
  const found = new Set(current.peers.flatMap((peer) => (peer.endpoint ? [peer.publicKey] : [])));
  const anew = before.peers.filter((peer) => !peer.endpoint && found.has(peer.publicKey));
  const gone = new Set(anew.map((peer) => peer.publicKey));
  const rest = current.peers.filter((peer) => !gone.has(peer.publicKey));
  const removals = Array.from(gone, (publicKey) => ({ publicKey, remove: true }));
  const change = difference({ ...current, peers: rest }, before);
  const peers = [...removals, ...(change?.peers ?? [])];
  const restored = { ...change, ...port, ...(peers.length === 0 ? {} : { peers }) };
  return Object.keys(restored).length === 0 ? undefined : restored;
}
