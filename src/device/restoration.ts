import type { DeviceChange, PeerChange } from "./change.js";
import { difference } from "./difference.js";
import type { DeviceStatus } from "./status.js";

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
