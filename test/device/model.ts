import type { DeviceChange, PeerChange } from "../../src/device/change.js";
import type { DeviceStatus, PeerStatus } from "../../src/device/status.js";
import type { PublicKey } from "../../src/values/key.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What a set makes of a device, by the words of the protocol: a model of the engine. */
export function change(status: DeviceStatus, asked: DeviceChange): DeviceStatus {
  const next: Mutable<DeviceStatus> = { ...status };
  if (asked.listenPort !== undefined) next.listenPort = asked.listenPort;
  if (asked.fwmark === 0) delete next.fwmark;
  else if (asked.fwmark !== undefined) next.fwmark = asked.fwmark;
  if (asked.privateKey === "remove") delete next.privateKey;
  else if (asked.privateKey !== undefined) next.privateKey = asked.privateKey;
  const own = next.privateKey?.publicKey();
  const peers = new Map<PublicKey, PeerStatus>();
  for (const peer of asked.replacePeers ? [] : status.peers) {
    if (peer.publicKey !== own) peers.set(peer.publicKey, peer);
  }
  for (const peer of asked.peers ?? []) if (peer.publicKey !== own) changePeer(peers, peer);
  next.peers = [...peers.values()];
  return next;
}

function changePeer(peers: Map<PublicKey, PeerStatus>, asked: PeerChange): void {
  const { publicKey, remove, updateOnly } = asked;
  if (remove) peers.delete(publicKey);
  if (remove || (updateOnly && !peers.has(publicKey))) return;
  const peer: Mutable<PeerStatus> = { ...(peers.get(publicKey) ?? newPeer(publicKey)) };
  if (asked.presharedKey === "remove") delete peer.presharedKey;
  else if (asked.presharedKey !== undefined) peer.presharedKey = asked.presharedKey;
  if (asked.endpoint !== undefined) peer.endpoint = asked.endpoint;
  if (asked.persistentKeepalive !== undefined) peer.persistentKeepalive = asked.persistentKeepalive;
  const allowed = new Set(asked.replaceAllowedIps ? [] : peer.allowedIps);
  for (const prefix of asked.removeAllowedIps ?? []) allowed.delete(prefix);
  for (const prefix of asked.allowedIps ?? []) {
    allowed.add(prefix);
    for (const [key, other] of peers) {
      const kept = other.allowedIps.filter((owned) => owned !== prefix);
      peers.set(key, { ...other, allowedIps: kept });
    }
  }
  peers.set(publicKey, { ...peer, allowedIps: [...allowed] });
}

function newPeer(publicKey: PublicKey): PeerStatus {
  return {
    publicKey,
    persistentKeepalive: "off",
    allowedIps: [],
    receivedBytes: 0n,
    sentBytes: 0n,
    unknown: [],
  };
}
