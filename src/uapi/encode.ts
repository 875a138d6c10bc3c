import type { DeviceChange, PeerChange } from "../device/change.js";
import type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
import { WgBridgeError } from "../errors.js";
import { allowedIp } from "../values/allowed-ip.js";
import { checkEndpoint, type Endpoint, formatEndpoint, isNumeric } from "../values/endpoint.js";
import {
  keyBytes,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
  publicKey,
  publicKeyHex,
  writeKeyHex,
} from "../values/key.js";
import { checkFwmark, checkListenPort, persistentKeepalive } from "../values/number.js";
import { uapiError } from "./lines.js";

/**
 * Writes a change as one UAPI set. What the engine can refuse comes first, so that nothing has changed yet
 * when it does: listen_port, fwmark, private_key, replace_peers, then the peers.
 * @throws WgBridgeError WG_BRIDGE_KEY, WG_BRIDGE_ALLOWED_IP, WG_BRIDGE_VALUE; WG_BRIDGE_ENDPOINT also
 *   for a host name, which the engine does not resolve
 */
export function encodeChange(change: DeviceChange): Buffer {
  const lines = new LineWriter(4096 + 512 * (change.peers?.length ?? 0));
  try {
    writeChange(lines, change);
  } catch (error) {
    lines.discard();
    throw error;
  }
  return lines.end();
}

function writeChange(lines: LineWriter, change: DeviceChange): void {
  lines.line("set", 1);
  if (change.listenPort !== undefined) {
    lines.line("listen_port", checkListenPort(change.listenPort));
  }
  if (change.fwmark !== undefined) lines.line("fwmark", checkFwmark(change.fwmark));
  if (change.privateKey !== undefined) lines.secret("private_key", change.privateKey);
  if (change.replacePeers) lines.line("replace_peers", "true");
  writeUnknown(lines, checkUnknown(change.unknown));
  for (const peer of change.peers ?? []) writePeerChange(lines, peer);
}

function writePeerChange(lines: LineWriter, peer: PeerChange): void {
  lines.line("public_key", checkedHex(peer.publicKey));
  if (peer.remove) {
    lines.line("remove", "true");
    return;
  }
  if (peer.updateOnly) lines.line("update_only", "true");
  if (peer.presharedKey !== undefined) lines.secret("preshared_key", peer.presharedKey);
  if (peer.endpoint !== undefined) lines.line("endpoint", numeric(peer.endpoint));
  if (peer.persistentKeepalive !== undefined) {
    const interval = persistentKeepalive(peer.persistentKeepalive);
    lines.line("persistent_keepalive_interval", interval === "off" ? 0 : interval);
  }
  if (peer.replaceAllowedIps) lines.line("replace_allowed_ips", "true");
  for (const prefix of peer.removeAllowedIps ?? []) {
    lines.line("allowed_ip", `-${allowedIp(prefix)}`);
  }
  for (const prefix of peer.allowedIps ?? []) lines.line("allowed_ip", allowedIp(prefix));
  writeUnknown(lines, checkUnknown(peer.unknown));
}

/** In JavaScript a key can be any string: a wrong one must not stop the engine halfway. */
function checkedHex(key: PublicKey): string {
  const hex = publicKeyHex(key);
  return hex.length === 64 ? hex : publicKeyHex(publicKey(key));
}

function numeric(endpoint: Endpoint): string {
  const checked = checkEndpoint(endpoint);
  if (isNumeric(checked)) return formatEndpoint(checked);
  throw new WgBridgeError(
    "WG_BRIDGE_ENDPOINT",
    `The endpoint ${formatEndpoint(checked)} has a host name, and the engine takes only addresses: resolve it first.`,
  );
}

/** A line break in a value would begin another line. */
function checkUnknown(unknown: readonly UnknownLine[] = []): readonly UnknownLine[] {
  const bad = unknown.find(([key, value]) => !/^[^\n=]+$/.test(key) || value.includes("\n"));
  if (bad === undefined) return unknown;
  throw uapiError("a key of its own is empty or holds =, or it or its value holds a line break");
}

/** Writes a status as an engine answers a get, with errno and blank line. */
export function encodeStatus(status: DeviceStatus): Buffer {
  const lines = new LineWriter();
  if (status.privateKey !== undefined) lines.secret("private_key", status.privateKey);
  if (status.listenPort !== undefined) lines.line("listen_port", status.listenPort);
  if (status.fwmark !== undefined) lines.line("fwmark", status.fwmark);
  writeUnknown(lines, status.unknown);
  for (const peer of status.peers) writePeerStatus(lines, peer);
  lines.line("errno", 0);
  return lines.end();
}

function writePeerStatus(lines: LineWriter, peer: PeerStatus): void {
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

/** Writes the lines whose keys the codec does not know. */
function writeUnknown(lines: LineWriter, unknown: readonly UnknownLine[]): void {
  for (const [key, value] of unknown) lines.line(key, value);
}

/** Collects "key=value" lines in a growing buffer, so that secrets never become strings. */
class LineWriter {
  #bytes: Buffer;
  #length = 0;

  /** `expected` is an estimate of the final size in bytes. */
  constructor(expected = 4096) {
    this.#bytes = Buffer.allocUnsafe(expected);
  }

  line(key: string, value: string | number | bigint): void {
    const text = `${key}=${value}\n`;
    this.#reserve(text.length * 3); // UTF-8 needs at most 3 bytes for each of a string's units
    this.#length += this.#bytes.write(text, this.#length, "utf8");
  }

  secret(key: string, secret: PrivateKey | PresharedKey | "remove"): void {
    if (secret === "remove") {
      this.line(key, "0".repeat(64));
      return;
    }
    this.#reserve(key.length + 2 + 2 * keyBytes);
    this.#length += this.#bytes.write(`${key}=`, this.#length, "latin1");
    writeKeyHex(secret, this.#bytes, this.#length);
    this.#length += 2 * keyBytes;
    this.#length += this.#bytes.write("\n", this.#length, "latin1");
  }

  /** Adds the blank line and returns everything. The writer cannot be used again. */
  end(): Buffer {
    this.#reserve(1);
    this.#length += this.#bytes.write("\n", this.#length, "latin1");
    return this.#bytes.subarray(0, this.#length);
  }

  /** Overwrites what was written. The writer cannot be used again. */
  discard(): void {
    this.#bytes.fill(0, 0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe((this.#length + more) * 2);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes.fill(0); // it may hold keys
    this.#bytes = grown;
  }
}
