import { types } from "node:util";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { checkEndpoint, type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { PresharedKey, PrivateKey, type PublicKey, publicKey } from "../values/key.js";
import { type PersistentKeepalive, persistentKeepalive } from "../values/number.js";
import {
  atPlace,
  inputError,
  integer,
  isObject,
  list,
  type Reader,
  record,
  string,
  text,
} from "./reader.js";

// Readers of WireGuard's values. A key, an endpoint and a prefix may each be a plain string.

export const listenPort = integer(0, 65_535);
export const fwmark = integer(0, 0xffff_ffff);
/** In bytes, within the kernel's limits for a TUN interface. */
export const mtu = integer(68, 65_535);

export const aPublicKey: Reader<PublicKey> = text(
  publicKey,
  "a public key in base64, as wg pubkey prints it",
  "WG_BRIDGE_KEY",
);

/** Reads a private key, its text or its bytes. Returns a copy, which the caller destroys. */
export const privateKey: Reader<PrivateKey> = (value, place) => {
  if (isKeyText(value) || value instanceof PrivateKey) {
    return atPlace(place, () => PrivateKey.from(value));
  }
  throw inputError(place, value, "a PrivateKey, or its text in base64", "WG_BRIDGE_KEY");
};

/** Reads a preshared key as privateKey does. */
export const presharedKey: Reader<PresharedKey> = (value, place) => {
  if (isKeyText(value) || value instanceof PresharedKey) {
    return atPlace(place, () => PresharedKey.from(value));
  }
  throw inputError(place, value, "a PresharedKey, or its text in base64", "WG_BRIDGE_KEY");
};

function isKeyText(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || types.isUint8Array(value);
}

/** Makes a reader of a key or "remove", which stands for no key. */
export function orRemove<Key>(key: Reader<Key>): Reader<Key | "remove"> {
  return (value, place) => (value === "remove" ? "remove" : key(value, place));
}

const host = record({ host: string, port: integer(1, 65_535) }, {});

/** Reads an endpoint or its text. */
export const endpoint: Reader<Endpoint> = (value, place) => {
  if (typeof value === "string") return atPlace(place, () => parseEndpoint(value));
  if (!isObject(value)) {
    const expected = 'an endpoint, as "192.0.2.1:51820"';
    throw inputError(place, value, expected, "WG_BRIDGE_ENDPOINT");
  }
  const read = host(value, place);
  return atPlace(place, () => checkEndpoint(read));
};

const seconds = integer(0, 65_535);

export const keepalive: Reader<PersistentKeepalive> = (value, place) =>
  value === "off" ? value : persistentKeepalive(seconds(value, place));

const oneAllowedIp: Reader<AllowedIp> = text(
  allowedIp,
  'a prefix, as "10.0.0.0/24"',
  "WG_BRIDGE_ALLOWED_IP",
);

export const allowedIps: Reader<readonly AllowedIp[]> = list(oneAllowedIp);
