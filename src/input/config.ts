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

/** Fields of a status, which may be given as a configuration: they are ignored there. */
const statusFields = [
  "latestHandshake",
  "receivedBytes",
  "sentBytes",
  "protocolVersion",
  "unknown",
];

const peer = record(
  { publicKey: aPublicKey },
  { presharedKey, endpoint, persistentKeepalive: keepalive, allowedIps },
  statusFields,
);

// The secret keys in what these readers return are copies, which the caller destroys.

/** Reads a peer. */
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

/** Reads a configuration in which every field may be absent. */
export const configFields = record({}, { ...optional, peers }, ["unknown"]);

/** Reads a device's configuration, whose peers may not be absent. */
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

/** Reads a change of a device. */
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

const counter: Reader<bigint> = (value, place) => {
  if (typeof value === "bigint" && value >= 0n) return value;
  throw inputError(place, value, "a bigint, 0 or more");
};

const date: Reader<Date> = (value, place) => {
  if (types.isDate(value) && value.getTime() >= 0) return new Date(value.getTime());
  throw inputError(place, value, "a Date, 1970 or later");
};

const peerStatus = record(
  {
    publicKey: aPublicKey,
    persistentKeepalive: keepalive,
    receivedBytes: counter,
    sentBytes: counter,
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

/** Reads a device's status. */
export const deviceStatus: Reader<DeviceStatus> = record(
  { peers: list(peerStatus), unknown },
  { privateKey, listenPort, fwmark },
);
