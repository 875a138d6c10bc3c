import type { DeviceChange, PeerChange } from "../device/change.js";
import type { UnknownLine } from "../device/status.js";
import { WgBridgeError } from "../errors.js";
import type { AllowedIp } from "../values/allowed-ip.js";
import { allowedIp } from "../values/allowed-ip.js";
import { checkEndpoint, type Endpoint, formatEndpoint, isNumeric } from "../values/endpoint.js";
import {
  type PublicKey,
  presharedKeyIn,
  privateKeyIn,
  publicKey,
  publicKeyHex,
} from "../values/key.js";
import { checkFwmark, checkListenPort, persistentKeepalive } from "../values/number.js";
import { writeUnknown } from "./encode-status.js";
import { Field } from "./field.js";
import { LineReader, uapiError } from "./lines.js";
import { SecretStore } from "./secrets.js";
import { LineWriter } from "./writer.js";

/**
 * Writes a change as one UAPI set. What the engine can refuse stands first, so that nothing has
 * changed when it does: listen_port, fwmark, private_key, replace_peers, then the peers.
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
  for (const peer of change.peers ?? []) writePeer(lines, peer);
}

function writePeer(lines: LineWriter, peer: PeerChange): void {
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

/** JavaScript gives any string: a key that is none must not stop the engine half-way. */
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

/** A line break in a value would begin a line of its own. */
function checkUnknown(unknown: readonly UnknownLine[] = []): readonly UnknownLine[] {
  const bad = unknown.find(([key, value]) => !/^[^\n=]+$/.test(key) || value.includes("\n"));
  if (bad === undefined) return unknown;
  throw uapiError("a key of its own is empty or holds =, or it or its value holds a line break");
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type PeerUnderWork = Mutable<PeerChange> & {
  allowedIps: AllowedIp[];
  removeAllowedIps: AllowedIp[];
  unknown: UnknownLine[];
};

/**
 * Reads one UAPI set, as an engine would.
 * @throws WgBridgeError WG_BRIDGE_UAPI, and what a value's type throws
 */
export function decodeChange(request: Uint8Array): DeviceChange {
  const decoder = new ChangeDecoder();
  decoder.push(request);
  return decoder.end();
}

/** Turns a set, as it arrives in pieces, into a change. */
export class ChangeDecoder {
  readonly #lines = new LineReader((bytes, start, end) => this.#line(bytes, start, end));
  readonly #unknown: UnknownLine[] = [];
  readonly #change: Mutable<DeviceChange> = {};
  readonly #peers: PeerUnderWork[] = [];
  readonly #field = new Field();
  readonly #secrets = new SecretStore();
  #begun = false;
  #done = false;

  /**
   * Takes the next piece, of which nothing is kept.
   * @throws WgBridgeError WG_BRIDGE_UAPI where the request is malformed
   */
  push(piece: Uint8Array): void {
    this.#lines.push(piece);
  }

  /** The blank line that ends a request was there. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * The change, once the blank line was there.
   * @throws WgBridgeError WG_BRIDGE_UAPI where the request is not whole
   */
  end(): DeviceChange {
    if (!this.#done) throw uapiError("the request ends before its blank line");
    const peers = this.#peers.map(withoutEmptyLists);
    return {
      ...this.#change,
      ...(peers.length === 0 ? {} : { peers }),
      ...(this.#unknown.length === 0 ? {} : { unknown: this.#unknown }),
    };
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (this.#done) throw uapiError("something follows the request's blank line");
    if (start === end) {
      this.#done = true;
      return;
    }
    const field = this.#field.read(bytes, start, end);
    if (!this.#begun) this.#begin(field);
    else if (field.key === "public_key") this.#beginPeer(field);
    else this.#take(field);
  }

  #begin(field: Field): void {
    if (field.key !== "set" || field.text() !== "1")
      throw uapiError("it does not begin with set=1");
    this.#begun = true;
  }

  #beginPeer(field: Field): void {
    const publicKey = field.publicKey();
    this.#peers.push({ publicKey, allowedIps: [], removeAllowedIps: [], unknown: [] });
  }

  #take(field: Field): void {
    const peer = this.#peers.at(-1);
    if (peer === undefined) this.#deviceField(field);
    else takePeerField(peer, field, this.#secrets);
  }

  #deviceField(field: Field): void {
    switch (field.key) {
      case "private_key": {
        const any = field.secret(this.#secrets);
        const { buffer, start } = this.#secrets;
        this.#change.privateKey = any ? privateKeyIn(buffer, start) : "remove";
        return;
      }
      case "listen_port":
        this.#change.listenPort = field.number(65_535);
        return;
      case "fwmark":
        this.#change.fwmark = field.number(0xffff_ffff);
        return;
      case "replace_peers":
        this.#change.replacePeers = field.isTrue();
        return;
      default:
        this.#unknown.push([field.key, field.text()]);
    }
  }
}

function takePeerField(peer: PeerUnderWork, field: Field, secrets: SecretStore): void {
  switch (field.key) {
    case "remove":
      peer.remove = field.isTrue();
      return;
    case "update_only":
      peer.updateOnly = field.isTrue();
      return;
    case "preshared_key": {
      const any = field.secret(secrets);
      peer.presharedKey = any ? presharedKeyIn(secrets.buffer, secrets.start) : "remove";
      return;
    }
    case "endpoint":
      peer.endpoint = field.endpoint();
      return;
    case "persistent_keepalive_interval":
      peer.persistentKeepalive = persistentKeepalive(field.number(65_535));
      return;
    case "replace_allowed_ips":
      peer.replaceAllowedIps = field.isTrue();
      return;
    case "allowed_ip": {
      const text = field.text();
      if (text.startsWith("-")) peer.removeAllowedIps.push(allowedIp(text.slice(1)));
      else peer.allowedIps.push(field.allowedIp());
      return;
    }
    default:
      peer.unknown.push([field.key, field.text()]);
  }
}

function withoutEmptyLists(peer: PeerUnderWork): PeerChange {
  const { allowedIps, removeAllowedIps, unknown, ...rest } = peer;
  return {
    ...rest,
    ...(allowedIps.length === 0 ? {} : { allowedIps }),
    ...(removeAllowedIps.length === 0 ? {} : { removeAllowedIps }),
    ...(unknown.length === 0 ? {} : { unknown }),
  };
}
