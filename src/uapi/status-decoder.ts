import type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
import type { AllowedIp } from "../values/allowed-ip.js";
import { type PublicKey, presharedKeyIn, privateKeyIn } from "../values/key.js";
import { persistentKeepalive } from "../values/number.js";
import { refusedError } from "./answer.js";
import { Field, SecretStore } from "./field.js";
import { LineReader, uapiError } from "./lines.js";

/** Turns the answer to a get, which arrives in pieces, into a status. Takes linear time. */
export class StatusDecoder {
  readonly #lines = new LineReader((bytes, start, end) => this.#line(bytes, start, end));
  readonly #device: Mutable<DeviceStatus> & { unknown: UnknownLine[] } = { peers: [], unknown: [] };
  readonly #field = new Field();
  readonly #secrets = new SecretStore();
  readonly #peers: PeerStatus[] = [];
  #peer: PeerUnderWork | undefined;
  #errno: number | undefined;
  #done = false;

  /**
   * Reads the next piece, and keeps no reference to it.
   * @throws WgBridgeError WG_BRIDGE_UAPI if the answer is malformed
   */
  push(piece: Uint8Array): void {
    this.#lines.push(piece);
  }

  /** Whether the blank line that ends an answer has arrived. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Returns the status, once the answer is complete.
   * @throws WgBridgeError WG_BRIDGE_UAPI if it is not; WG_BRIDGE_REFUSED if the device answered with an
   *   errno
   */
  end(): DeviceStatus {
    if (!this.#done) throw uapiError("the answer ends before its blank line");
    if (this.#errno === undefined) throw uapiError("the answer has no errno");
    if (this.#errno !== 0) throw refusedError("read", this.#errno);
    return { ...this.#device, peers: this.#peers };
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (this.#done) throw uapiError("something follows the answer's blank line");
    if (start === end) {
      this.#done = true;
      return;
    }
    const field = this.#field.read(bytes, start, end);
    if (field.key === "errno") this.#errno = errnoOf(field);
    else if (field.key === "public_key") this.#beginPeer(field);
    else if (this.#peer === undefined) this.#deviceField(field);
    else takePeerField(this.#peer, field, this.#secrets);
  }

  #beginPeer(field: Field): void {
    this.#peer = newPeer(field.publicKey());
    this.#peers.push(this.#peer);
  }

  #deviceField(field: Field): void {
    switch (field.key) {
      case "private_key": {
        const any = field.secret(this.#secrets);
        const { buffer, start } = this.#secrets;
        if (any) this.#device.privateKey = privateKeyIn(buffer, start);
        return;
      }
      case "listen_port":
        this.#device.listenPort = field.number(65_535);
        return;
      case "fwmark":
        this.#device.fwmark = field.number(0xffff_ffff);
        return;
      default:
        this.#device.unknown.push([field.key, field.text()]);
    }
  }
}

/**
 * Reads a complete answer to a get.
 * @throws WgBridgeError as StatusDecoder does
 */
export function decodeStatus(answer: Uint8Array): DeviceStatus {
  const decoder = new StatusDecoder();
  decoder.push(answer);
  return decoder.end();
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type PeerUnderWork = Mutable<PeerStatus> & { allowedIps: AllowedIp[] };

/** Shared by nearly all peers. */
const none: readonly UnknownLine[] = [];

function newPeer(publicKey: PublicKey): PeerUnderWork {
  return {
    publicKey,
    persistentKeepalive: "off",
    receivedBytes: 0n,
    sentBytes: 0n,
    allowedIps: [],
    unknown: none,
  };
}

function takePeerField(peer: PeerUnderWork, field: Field, secrets: SecretStore): void {
  switch (field.key) {
    case "allowed_ip":
      peer.allowedIps.push(field.allowedIp());
      return;
    case "preshared_key": {
      const any = field.secret(secrets);
      if (any) peer.presharedKey = presharedKeyIn(secrets.buffer, secrets.start);
      else delete peer.presharedKey;
      return;
    }
    case "endpoint":
      peer.endpoint = field.endpoint();
      return;
    case "last_handshake_time_sec":
      addToHandshake(peer, field.number(maxSeconds) * 1000);
      return;
    case "last_handshake_time_nsec":
      addToHandshake(peer, Math.floor(field.number(999_999_999) / 1_000_000));
      return;
    case "tx_bytes":
      peer.sentBytes = field.counter();
      return;
    case "rx_bytes":
      peer.receivedBytes = field.counter();
      return;
    case "persistent_keepalive_interval":
      peer.persistentKeepalive = persistentKeepalive(field.number(65_535));
      return;
    case "protocol_version":
      peer.protocolVersion = field.number(0xffff_ffff);
      return;
    default:
      peer.unknown = [...peer.unknown, [field.key, field.text()]];
  }
}

/** The time comes in two lines. Zero in both means that there was no handshake. */
function addToHandshake(peer: PeerUnderWork, milliseconds: number): void {
  if (milliseconds === 0) return;
  peer.latestHandshake = new Date((peer.latestHandshake?.getTime() ?? 0) + milliseconds);
}

/** The last second that a Date can hold. */
const maxSeconds = 8_640_000_000_000 - 1;

/** Returns the number of an "errno=N" line, which older engines write without a minus sign. */
function errnoOf(field: Field): number {
  const text = field.text();
  if (/^-?\d{1,9}$/.test(text)) return Math.abs(Number(text));
  throw uapiError("the value of errno is not a number");
}

/**
 * Reads the errno in the answer to a set: 0, or a positive errno(3).
 * @throws WgBridgeError WG_BRIDGE_UAPI
 */
export function decodeErrno(answer: Uint8Array): number {
  let errno: number | undefined;
  let blank = false;
  const lines = new LineReader((bytes, start, end) => {
    if (blank) throw uapiError("something follows the answer's blank line");
    blank = start === end;
    if (blank) return;
    const field = new Field().read(bytes, start, end);
    if (field.key === "errno") errno = errnoOf(field);
  });
  lines.push(answer);
  if (errno === undefined || !blank) throw uapiError("the answer has no errno");
  return errno;
}
