import type { AllowedIp } from "../values/allowed-ip.js";
import { formatEndpoint } from "../values/endpoint.js";
import { type PrivateKey, type PublicKey, publicKeyHex } from "../values/key.js";
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
 * Where there are no peers yet all that is wanted is mentioned, so that the change replaces whatever
 * other programs make of the device meanwhile: see {@link replacesAll}.
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

/** Without peers no session is lost by saying what is the same already. */
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
 * Whether a difference leaves nothing of what a device was when it is made, so that nothing of another
 * program's can be left beside it.
 */
export function replacesAll({ replacePeers, fwmark, privateKey }: DeviceChange): boolean {
  return replacePeers === true && fwmark !== undefined && privateKey !== undefined;
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

/** Only what a peer is configured with: what is wanted may be a status, which says more. */
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

/** The prefixes that are not among the others. Most lists are so short that a Set costs more. */
function without(some: readonly AllowedIp[], others: readonly AllowedIp[]): readonly AllowedIp[] {
  if (others.length <= 8) return some.filter((prefix) => !others.includes(prefix));
  const known = new Set(others);
  return some.filter((prefix) => !known.has(prefix));
}

/** boringtun tells its public key in place of the private one, and has no way to lose either. */
function privateKeyChange(
  current: DeviceStatus,
  wanted: PrivateKey | undefined,
): PrivateKey | "remove" | undefined {
  const told = current.unknown.find(([key]) => key === "own_public_key")?.[1];
  if (told === undefined) return secretChange(current.privateKey, wanted);
  return wanted === undefined || publicKeyHex(wanted.publicKey()) === told ? undefined : wanted;
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
 * Whether an engine can make a part of a change and refuse the rest: a port, a mark, one peer too many,
 * or a key that it does not know. All else is checked before it is sent.
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
 * The change that makes a device again what it was before, or undefined where it still is: also its
 * port, and that a peer had no endpoint. Such a peer has had no session, and is made anew.
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
