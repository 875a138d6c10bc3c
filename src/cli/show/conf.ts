import type { DeviceStatus, PeerStatus } from "../../device/status.js";
import { endpointText, fwmarkText, prefixText } from "./text.js";

/** A configuration, byte for byte as `wg showconf` prints it: private and preshared keys included. */
export function formatShowconf(status: DeviceStatus): string {
  const own = [
    ...(status.listenPort ? [`ListenPort = ${status.listenPort}`] : []),
    ...(status.fwmark ? [`FwMark = ${fwmarkText(status)}`] : []),
    ...(status.privateKey ? [`PrivateKey = ${status.privateKey.toBase64()}`] : []),
  ];
  return `${["[Interface]", ...own].join("\n")}\n\n${status.peers.map(peerText).join("\n")}`;
}

function peerText(peer: PeerStatus): string {
  const { allowedIps, persistentKeepalive } = peer;
  const lines = [
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    ...(peer.presharedKey ? [`PresharedKey = ${peer.presharedKey.toBase64()}`] : []),
    ...(allowedIps.length > 0 ? [`AllowedIPs = ${allowedIps.map(prefixText).join(", ")}`] : []),
    ...(peer.endpoint ? [`Endpoint = ${endpointText(peer)}`] : []),
    ...(persistentKeepalive === "off" ? [] : [`PersistentKeepalive = ${persistentKeepalive}`]),
  ];
  return `${lines.join("\n")}\n`;
}
