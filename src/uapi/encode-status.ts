import type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
import { formatEndpoint } from "../values/endpoint.js";
import { publicKeyHex } from "../values/key.js";
import { LineWriter } from "./writer.js";

/** Writes a status as an engine answers a get, errno and blank line included. */
export function encodeStatus(status: DeviceStatus): Buffer {
  const lines = new LineWriter();
  if (status.privateKey !== undefined) lines.secret("private_key", status.privateKey);
  if (status.listenPort !== undefined) lines.line("listen_port", status.listenPort);
  if (status.fwmark !== undefined) lines.line("fwmark", status.fwmark);
  writeUnknown(lines, status.unknown);
  for (const peer of status.peers) writePeer(lines, peer);
  lines.line("errno", 0);
  return lines.end();
}

function writePeer(lines: LineWriter, peer: PeerStatus): void {
  lines.line("public_key", publicKeyHex(peer.publicKey));
  lines.secret("preshared_key", peer.presharedKey ?? "remove");
  if (peer.protocolVersion !== undefined) lines.line("protocol_version", peer.protocolVersion);
  if (peer.endpoint !== undefined) lines.line("endpoint", formatEndpoint(peer.endpoint));
  const handshake = peer.latestHandshake?.getTime() ?? 0;
  lines.line("last_handshake_time_sec", Math.floor(handshake / 1000));
  lines.line("last_handshake_time_nsec", (handshake % 1000) * 1_000_000);
  lines.line("tx_bytes", peer.sentBytes);
  lines.line("rx_bytes", peer.receivedBytes);
  const keepalive = peer.persistentKeepalive === "off" ? 0 : peer.persistentKeepalive;
  lines.line("persistent_keepalive_interval", keepalive);
  for (const prefix of peer.allowedIps) lines.line("allowed_ip", prefix);
  writeUnknown(lines, peer.unknown);
}

/** Writes lines whose keys the codec does not know. */
export function writeUnknown(lines: LineWriter, unknown: readonly UnknownLine[]): void {
  for (const [key, value] of unknown) lines.line(key, value);
}
