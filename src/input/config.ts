import { types } from "node:util";
import type { DeviceChange } from "../device/change.js";
import type { PeerConfig } from "../device/config.js";
import type { DeviceStatus, UnknownLine } from "../device/status.js";
import { checkInterfaceAddress } from "../values/interface-address.js";
import { boolean, inputError, integer, list, type Reader, record, string, text } from "./reader.js";
import {
  allowedIps,
  aPublicKey,
  endpoint,
  fwmark,
  keepalive,
  listenPort,
  mtu,
  orRemove,
  presharedKey,
  privateKey,
} from "./values.js";

/** Of a status: what may be given back as a configuration, and counts for nothing there. */
const ofStatus = ["latestHandshake", "receivedBytes", "sentBytes", "protocolVersion", "unknown"];

const peer = record(
  { publicKey: aPublicKey },
  { presharedKey, endpoint, persistentKeepalive: keepalive, allowedIps },
  ofStatus,
);

/** A peer; its preshared key is the reader's own. */
export const peerConfig: Reader<PeerConfig> = (value, place) => ({
  allowedIps: [],
  ...peer(value, place),
});

export const addresses: Reader<readonly string[]> = list(
  text(checkInterfaceAddress, 'an address, as "10.0.0.2/24"', "WG_BRIDGE_NETWORK"),
);

const texts = list(string);
const optional = {
  privateKey,
  listenPort,
  fwmark,
  addresses,
  dns: texts,
  mtu,
  table: string,
  preUp: texts,
  postUp: texts,
  preDown: texts,
  postDown: texts,
  saveConfig: boolean,
};
const peers = list(peerConfig, "an array of peers, [] for none");

/** A configuration of which all may be absent; its secret keys are the reader's own. */
export const configFields = record({}, { ...optional, peers }, ["unknown"]);

/** A device's configuration, with its peers; its secret keys are the reader's own. */
export const deviceConfig = record({ peers }, optional, ["unknown"]);

const unknown: Reader<readonly UnknownLine[]> = list((value, place) => {
  const [key, text, ...rest] = texts(value, place);
  if (key !== undefined && text !== undefined && rest.length === 0) return [key, text];
  throw inputError(place, value, "a key and its value, [key, value]");
});

const peerChange = record(
  { publicKey: aPublicKey },
  {
    remove: boolean,
    updateOnly: boolean,
    presharedKey: orRemove(presharedKey),
    endpoint,
    persistentKeepalive: keepalive,
    replaceAllowedIps: boolean,
    allowedIps,
    removeAllowedIps: allowedIps,
    unknown,
  },
);

/** One change of a device; its secret keys are the reader's own. */
export const deviceChange: Reader<DeviceChange> = record(
  {},
  {
    listenPort,
    fwmark,
    privateKey: orRemove(privateKey),
    replacePeers: boolean,
    peers: list(peerChange),
    unknown,
  },
);

const bigCounter: Reader<bigint> = (value, place) => {
  if (typeof value === "bigint" && value >= 0n) return value;
  throw inputError(place, value, "a bigint from 0 on");
};

const date: Reader<Date> = (value, place) => {
  if (types.isDate(value) && value.getTime() >= 0) return new Date(value.getTime());
  throw inputError(place, value, "a Date from 1970 on");
};

const peerStatus = record(
  {
    publicKey: aPublicKey,
    persistentKeepalive: keepalive,
    receivedBytes: bigCounter,
    sentBytes: bigCounter,
    allowedIps,
    unknown,
  },
  {
    presharedKey,
    endpoint,
    latestHandshake: date,
    protocolVersion: integer(0, 0xffff_ffff),
  },
);

/** A device's status; its secret keys are the reader's own. */
export const deviceStatus: Reader<DeviceStatus> = record(
  { peers: list(peerStatus), unknown },
  { privateKey, listenPort, fwmark },
);
