import { createReadStream } from "node:fs";
import {
  base64,
  decimal,
  isOff,
  isZeroKey,
  readAllowedIps,
  readEndpoint,
  readFwmark,
} from "../config/field-value.js";
import type { DeviceChange, PeerChange } from "../device/change.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { attach } from "../tunnel/open.js";
import type { AllowedIp } from "../values/allowed-ip.js";
import { PresharedKey, PrivateKey, publicKey } from "../values/key.js";
import { argumentError } from "./arguments.js";
import { readKeyText } from "./key-text.js";

/**
 * `wg-bridge set INTERFACE SETTING...`: the settings are wg(8)'s. There are no options, because a list of
 * allowed IPs may begin with "-".
 */
export async function setCommand(args: readonly string[]): Promise<number> {
  const [name, ...words] = args;
  if (name?.startsWith("-")) throw argumentError("set", `Unknown option '${name}'`);
  if (name === undefined || words.length === 0) {
    throw argumentError("set", "Give an interface, and what to set");
  }
  const change = await readSettings(words);
  await using tunnel = await attach(name, { resolve: false });
  await tunnel.update(change);
  return 0;
}

/** A setting of a device or a peer: what its value is, and what reads it. */
interface Setting<Change> {
  readonly value: string;
  /** Returns the change, with undefined in it if the value is not valid. */
  readonly read: (value: string) => Draft<Change> | Promise<Draft<Change>>;
}

type Draft<Change> = { readonly [Key in keyof Change]?: Change[Key] | undefined };

const readPort = decimal(65_535);
const readSeconds = decimal(65_535);

const deviceSettings: Readonly<Record<string, Setting<DeviceChange>>> = {
  "listen-port": {
    value: "a port from 0 to 65535",
    read: (value) => ({ listenPort: readPort(value) }),
  },
  fwmark: {
    value: '"off", or a number up to 0xffffffff',
    read: (value) => ({ fwmark: readFwmark(value) }),
  },
  "private-key": {
    value: "a file",
    read: async (path) => ({ privateKey: await readKeyFile(path, PrivateKey.from) }),
  },
};

const peerSettings: Readonly<Record<string, Setting<PeerChange>>> = {
  "preshared-key": {
    value: "a file",
    read: async (path) => ({ presharedKey: await readKeyFile(path, PresharedKey.from) }),
  },
  endpoint: {
    value: "a host and a port, such as vpn.example.org:51820",
    read: (value) => ({ endpoint: readEndpoint(value) }),
  },
  "persistent-keepalive": {
    value: '"off", or seconds from 0 to 65535',
    read: (value) => {
      const seconds = isOff(value) ? 0 : readSeconds(value);
      return { persistentKeepalive: seconds === 0 ? "off" : seconds };
    },
  },
  "allowed-ips": {
    value: "prefixes separated by commas, each with + or - before it to add or remove it",
    read: readAllowedIpsChange,
  },
};

/** The words of `wg set`: those of the device, then those of a peer. */
export const settingWords: readonly string[] = [
  ...Object.keys(deviceSettings),
  "peer",
  "remove",
  ...Object.keys(peerSettings),
];

/**
 * Reads what follows the interface in `wg set`, and the key files that it names.
 * @throws WgBridgeError WG_BRIDGE_VALUE, and what readKeyFile and the types of values throw
 */
async function readSettings(words: readonly string[]): Promise<DeviceChange> {
  const device: DeviceChange = {};
  const peers: PeerChange[] = [];
  const remaining = [...words];
  for (let word = remaining.shift(); word !== undefined; word = remaining.shift()) {
    const peer = peers.at(-1);
    if (word === "peer") {
      peers.push({ publicKey: publicKey(base64(nextValue(word, "a public key", remaining))) });
    } else if (word === "remove" && peer !== undefined) {
      Object.assign(peer, { remove: true });
    } else if (peer === undefined) {
      await applySetting(deviceSettings, device, word, remaining);
    } else {
      await applySetting(peerSettings, peer, word, remaining);
    }
  }
  return peers.length === 0 ? device : { ...device, peers };
}

async function applySetting<Change extends object>(
  settings: Readonly<Record<string, Setting<Change>>>,
  target: Change,
  word: string,
  remaining: string[],
): Promise<void> {
  const setting = Object.hasOwn(settings, word) ? settings[word] : undefined;
  if (setting === undefined) throw unknownWordError(word, Object.keys(settings));
  const change = await setting.read(nextValue(word, setting.value, remaining));
  if (Object.values(change).includes(undefined)) throw valueError(word, setting.value);
  Object.assign(target, change);
}

function nextValue(word: string, value: string, remaining: string[]): string {
  const next = remaining.shift();
  if (next === undefined) throw valueError(word, value);
  return next;
}

function valueError(word: string, value: string): Error {
  return argumentError("set", `The value of ${word} must be ${value}`);
}

/** An unknown word is not repeated: it may be a key in the wrong place. */
function unknownWordError(word: string, known: readonly string[]): Error {
  const problem = settingWords.includes(word) ? `"${word}" does not go here` : "Unknown word";
  return argumentError("set", `${problem}: use ${known.join(", ")} or peer`);
}

/**
 * Reads a list of allowed IPs as wg(8) does: it replaces those of the peer, unless "+" or "-" before one
 * of them makes it a list of what to add and to remove.
 * @throws WgBridgeError WG_BRIDGE_ALLOWED_IP
 */
function readAllowedIpsChange(
  list: string,
): Pick<PeerChange, "replaceAllowedIps" | "allowedIps" | "removeAllowedIps"> {
  const allowedIps: AllowedIp[] = [];
  const removeAllowedIps: AllowedIp[] = [];
  const entries = list === "" ? [] : list.replace(/\s/g, "").split(",");
  for (const entry of entries) {
    readAllowedIps(
      entry.replace(/^[+-]/, ""),
      entry.startsWith("-") ? removeAllowedIps : allowedIps,
    );
  }
  const replaceAllowedIps = !entries.some((entry) => /^[+-]/.test(entry));
  return { replaceAllowedIps, allowedIps, removeAllowedIps };
}

/**
 * Reads a key from a file, which can also be a pipe. Returns "remove" if the file is empty, as /dev/null is,
 * or if the key is all zeros: that is how wg(8) removes a key.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if the file cannot be read, WG_BRIDGE_KEY if it does not hold a key
 */
async function readKeyFile<Key>(
  path: string,
  from: (text: string) => Key,
): Promise<Key | "remove"> {
  const source = `The file ${path}, which removes the key if it is empty,`;
  const text = await readKeyText(openFile(path), source);
  return text === "" || isZeroKey(text) ? "remove" : from(base64(text));
}

async function* openFile(path: string): AsyncIterable<Buffer> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      `The key file ${path} cannot be read (${messageOf(error)}). Check the path, and run as a user who may read it.`,
      { cause: error },
    );
  }
}
