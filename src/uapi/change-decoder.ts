import type { DeviceChange, PeerChange } from "../device/change.js";
import type { UnknownLine } from "../device/status.js";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { presharedKeyIn, privateKeyIn } from "../values/key.js";
import { persistentKeepalive } from "../values/number.js";
import { Field, SecretStore } from "./field.js";
import { LineReader, uapiError } from "./lines.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type PeerUnderWork = Mutable<PeerChange> & {
  allowedIps: AllowedIp[];
  removeAllowedIps: AllowedIp[];
  unknown: UnknownLine[];
};

/**
 * Reads a complete UAPI set, as an engine would.
 * @throws WgBridgeError WG_BRIDGE_UAPI, or the code of a wrong value
 */
export function decodeChange(request: Uint8Array): DeviceChange {
  const decoder = new ChangeDecoder();
  decoder.push(request);
  return decoder.end();
}

/** Turns a set that arrives in pieces into a change. */
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
   * Reads the next piece, and keeps no reference to it.
   * @throws WgBridgeError WG_BRIDGE_UAPI if the request is malformed
   */
  push(piece: Uint8Array): void {
    this.#lines.push(piece);
  }

  /** Whether the blank line that ends a request has arrived. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Returns the change, once the request is complete.
   * @throws WgBridgeError WG_BRIDGE_UAPI if it is not
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
