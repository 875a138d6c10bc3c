import { base64, decimal, isOff, readEndpoint, readFwmark } from "../../config/field-value.js";
import type { DeviceChange, PeerChange } from "../../device/change.js";
import { PresharedKey, PrivateKey, publicKey } from "../../values/key.js";
import { wordsError } from "../words.js";
import { readAllowedIpsChange } from "./allowed-ips.js";
import { readKeyFile } from "./key-file.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Device = Mutable<DeviceChange>;
type Peer = Mutable<PeerChange>;

/** A word of wg(8)'s, what its value is, and how it is taken; false where the value is none. */
interface Setting<Draft> {
  readonly value: string;
  readonly take: (draft: Draft, value: string) => boolean | Promise<boolean>;
}

const readPort = decimal(65_535);
const readSeconds = decimal(65_535);

const deviceSettings: Readonly<Record<string, Setting<Device>>> = {
  "listen-port": {
    value: "a port from 0 to 65535",
    take: (device, value) => {
      const port = readPort(value);
      if (port !== undefined) device.listenPort = port;
      return port !== undefined;
    },
  },
  fwmark: {
    value: '"off", or a number up to 0xffffffff',
    take: (device, value) => {
      const mark = readFwmark(value);
      if (mark !== undefined) device.fwmark = mark;
      return mark !== undefined;
    },
  },
  "private-key": {
    value: "a file",
    take: async (device, path) => {
      const key = await readKeyFile(path);
      device.privateKey = key === "remove" ? key : PrivateKey.from(key);
      return true;
    },
  },
};

const peerSettings: Readonly<Record<string, Setting<Peer>>> = {
  "preshared-key": {
    value: "a file",
    take: async (peer, path) => {
      const key = await readKeyFile(path);
      peer.presharedKey = key === "remove" ? key : PresharedKey.from(key);
      return true;
    },
  },
  endpoint: {
    value: "a host and a port, as vpn.example.org:51820",
    take: (peer, value) => {
      peer.endpoint = readEndpoint(value);
      return true;
    },
  },
  "persistent-keepalive": {
    value: '"off", or seconds from 0 to 65535',
    take: (peer, value) => {
      const seconds = isOff(value) ? 0 : readSeconds(value);
      if (seconds !== undefined) peer.persistentKeepalive = seconds === 0 ? "off" : seconds;
      return seconds !== undefined;
    },
  },
  "allowed-ips": {
    value: "prefixes with commas between them, each with + or - before it to add or remove it",
    take: (peer, value) => {
      Object.assign(peer, readAllowedIpsChange(value));
      return true;
    },
  },
};

/** The words of `wg set`, for completion: those of the device, then those of a peer. */
export const settingWords: readonly string[] = [
  ...Object.keys(deviceSettings),
  "peer",
  "remove",
  ...Object.keys(peerSettings),
];

/**
 * Reads what follows the interface in `wg set`. Keys are read from the files that are named.
 * @throws WgBridgeError WG_BRIDGE_VALUE, and what readKeyFile and the types of values throw
 */
export async function readSetWords(words: readonly string[]): Promise<DeviceChange> {
  const device: Device = {};
  const peers: Peer[] = [];
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const peer = peers.at(-1);
    if (word === "peer") {
      peers.push({ publicKey: publicKey(base64(nextValue(word, "a public key", left))) });
    } else if (word === "remove" && peer !== undefined) {
      peer.remove = true;
    } else if (peer === undefined) {
      await take(deviceSettings, device, word, left);
    } else {
      await take(peerSettings, peer, word, left);
    }
  }
  return peers.length === 0 ? device : { ...device, peers };
}

async function take<Draft>(
  settings: Readonly<Record<string, Setting<Draft>>>,
  draft: Draft,
  word: string,
  left: string[],
): Promise<void> {
  const setting = Object.hasOwn(settings, word) ? settings[word] : undefined;
  // The word is not repeated: a key may stand where it does not belong.
  if (setting === undefined) throw wordsError("set", unknownText(word, Object.keys(settings)));
  const value = nextValue(word, setting.value, left);
  if (!(await setting.take(draft, value))) throw valueError(word, setting.value);
}

function nextValue(word: string, value: string, left: string[]): string {
  const next = left.shift();
  if (next === undefined) throw valueError(word, value);
  return next;
}

function valueError(word: string, value: string): Error {
  return wordsError("set", `${word} takes ${value}`);
}

function unknownText(word: string, known: readonly string[]): string {
  const named = settingWords.includes(word) ? `"${word}" does not go here` : "A word is not known";
  return `${named}: here stand ${known.join(", ")} or peer`;
}
