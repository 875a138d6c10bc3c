import type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import { PresharedKey, PrivateKey, type PublicKey } from "../values/key.js";
import { type PersistentKeepalive, persistentKeepalive } from "../values/number.js";
import { refusedError } from "./errno.js";
import { Field } from "./field.js";
import { LineReader, uapiError } from "./lines.js";

/** Turns the answer to a get, as it arrives in pieces, into a status. Takes linear time. */
export class StatusDecoder {
  readonly #lines = new LineReader((bytes, start, end) => this.#line(bytes, start, end));
  readonly #device: Mutable<DeviceStatus> & { unknown: UnknownLine[] } = { peers: [], unknown: [] };
  readonly #peers: PeerStatus[] = [];
  #peer: PeerBuilder | undefined;
  #errno: number | undefined;
  #done = false;

  /**
   * Takes the next piece, of which nothing is kept.
   * @throws WgBridgeError WG_BRIDGE_UAPI where the answer is malformed
   */
  push(piece: Uint8Array): void {
    this.#lines.push(piece);
  }

  /** The blank line that ends an answer was there. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * The whole status.
   * @throws WgBridgeError WG_BRIDGE_UAPI where the answer is not whole, WG_BRIDGE_REFUSED where the
   *   device answered with an errno
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
      this.#finishPeer();
      this.#done = true;
      return;
    }
    const field = new Field(bytes, start, end);
    if (field.key === "errno") this.#errno = errnoOf(field);
    else if (field.key === "public_key") this.#beginPeer(field);
    else if (this.#peer === undefined) this.#deviceField(field);
    else this.#peer.take(field);
  }

  #beginPeer(field: Field): void {
    this.#finishPeer();
    this.#peer = new PeerBuilder(field.publicKey());
  }

  #finishPeer(): void {
    if (this.#peer !== undefined) this.#peers.push(this.#peer.build());
    this.#peer = undefined;
  }

  #deviceField(field: Field): void {
    switch (field.key) {
      case "private_key": {
        const bytes = field.keyBytes();
        if (bytes !== undefined) this.#device.privateKey = PrivateKey.owning(bytes);
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
 * Reads the whole answer to a get.
 * @throws WgBridgeError as StatusDecoder does
 */
export function decodeStatus(answer: Uint8Array): DeviceStatus {
  const decoder = new StatusDecoder();
  decoder.push(answer);
  return decoder.end();
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One peer's lines, collected. */
class PeerBuilder {
  readonly #publicKey: PublicKey;
  readonly #allowedIps: AllowedIp[] = [];
  readonly #unknown: UnknownLine[] = [];
  #presharedKey: PresharedKey | undefined;
  #endpoint: Endpoint | undefined;
  #keepalive: PersistentKeepalive = "off";
  #seconds = 0;
  #nanoseconds = 0;
  #received = 0n;
  #sent = 0n;
  #protocolVersion: number | undefined;

  constructor(publicKey: PublicKey) {
    this.#publicKey = publicKey;
  }

  take(field: Field): void {
    switch (field.key) {
      case "allowed_ip":
        this.#allowedIps.push(field.allowedIp());
        return;
      case "preshared_key": {
        const bytes = field.keyBytes();
        this.#presharedKey = bytes === undefined ? undefined : PresharedKey.owning(bytes);
        return;
      }
      case "endpoint":
        this.#endpoint = field.endpoint();
        return;
      case "last_handshake_time_sec":
        this.#seconds = field.number(maxSeconds);
        return;
      case "last_handshake_time_nsec":
        this.#nanoseconds = field.number(999_999_999);
        return;
      case "tx_bytes":
        this.#sent = field.counter();
        return;
      case "rx_bytes":
        this.#received = field.counter();
        return;
      case "persistent_keepalive_interval":
        this.#keepalive = persistentKeepalive(field.number(65_535));
        return;
      case "protocol_version":
        this.#protocolVersion = field.number(0xffff_ffff);
        return;
      default:
        this.#unknown.push([field.key, field.text()]);
    }
  }

  build(): PeerStatus {
    const never = this.#seconds === 0 && this.#nanoseconds === 0;
    return {
      publicKey: this.#publicKey,
      ...(this.#presharedKey === undefined ? {} : { presharedKey: this.#presharedKey }),
      ...(this.#endpoint === undefined ? {} : { endpoint: this.#endpoint }),
      ...(never ? {} : { latestHandshake: new Date(this.#milliseconds) }),
      ...(this.#protocolVersion === undefined ? {} : { protocolVersion: this.#protocolVersion }),
      persistentKeepalive: this.#keepalive,
      receivedBytes: this.#received,
      sentBytes: this.#sent,
      allowedIps: this.#allowedIps,
      unknown: this.#unknown,
    };
  }

  get #milliseconds(): number {
    return this.#seconds * 1000 + Math.floor(this.#nanoseconds / 1_000_000);
  }
}

/** The last second that a Date can hold. */
const maxSeconds = 8_640_000_000_000 - 1;

/** The number of an "errno=N" line, which older engines write without a sign. */
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
    const field = new Field(bytes, start, end);
    if (field.key === "errno") errno = errnoOf(field);
  });
  lines.push(answer);
  if (errno === undefined || !blank) throw uapiError("the answer has no errno");
  return errno;
}
