import type { PeerStatus } from "../../device/status.js";
import { formatEndpoint } from "../../values/endpoint.js";
import { type Shown, withZoneName } from "./text.js";

/**
 * Returns what `wg-bridge show --json` prints, by the names of the interfaces: see docs/show-json.md. Byte
 * counters are decimal strings, because JSON numbers are exact only up to 2^53.
 */
export function toJson(interfaces: readonly Shown[], showKeys: boolean): unknown {
  return Object.fromEntries(
    interfaces.map(({ name, status, cipher }) => [
      name,
      {
        publicKey: status.privateKey?.publicKey() ?? null,
        ...(showKeys && { privateKey: status.privateKey?.toBase64() ?? null }),
        listenPort: status.listenPort ?? null,
        fwmark: status.fwmark ?? null,
        cipher: cipher ?? null,
        peers: status.peers.map((peer) => peerJson(peer, showKeys)),
      },
    ]),
  );
}

function peerJson(peer: PeerStatus, showKeys: boolean): unknown {
  return {
    publicKey: peer.publicKey,
    ...(showKeys
      ? { presharedKey: peer.presharedKey?.toBase64() ?? null }
      : { hasPresharedKey: peer.presharedKey !== undefined }),
    endpoint: peer.endpoint === undefined ? null : formatEndpoint(withZoneName(peer.endpoint)),
    allowedIps: peer.allowedIps,
    latestHandshake: peer.latestHandshake?.toISOString() ?? null,
    receivedBytes: String(peer.receivedBytes),
    sentBytes: String(peer.sentBytes),
    persistentKeepalive: peer.persistentKeepalive === "off" ? null : peer.persistentKeepalive,
  };
}
