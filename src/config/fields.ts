import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import { PresharedKey, PrivateKey, type PublicKey, publicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";
import { invisibleCharacter } from "./characters.js";
import {
  addressesProblem,
  allowedIpsProblem,
  base64,
  decimal,
  endpointProblem,
  isZeroKey,
  mtuProblem,
  readAllowedIps,
  readBoolean,
  readEndpoint,
  readFwmark,
  readKeepalive,
  readMtu,
  type ValueProblem,
} from "./field-value.js";
import { withoutSpace, words } from "./lines.js";

/** The content of [Interface] so far, while it is read. */
export interface InterfaceDraft {
  privateKey?: PrivateKey;
  listenPort?: number;
  fwmark?: number;
  mtu?: number;
  table?: string;
  addresses: string[];
  dns: string[];
  preUp: string[];
  postUp: string[];
  preDown: string[];
  postDown: string[];
  saveConfig: boolean;
}

/** The content of a [Peer] so far, while it is read. */
export interface PeerDraft {
  publicKey?: PublicKey;
  /** "none" if it is all zeros. */
  presharedKey?: PresharedKey | "none";
  endpoint?: Endpoint;
  persistentKeepalive?: PersistentKeepalive;
  allowedIps: AllowedIp[];
}

/** A field of a section: its spelling, what its value must be, and how it is read. */
export interface FieldKind<Draft> {
  readonly name: string;
  /** The program that reads it. wg(8) ignores all white space, even in names; wg-quick(8) does not. */
  readonly program: "wg" | "wg-quick";
  readonly expected: string;
  /** Adds the value to the draft. Returns false, or throws, if the value is not valid. */
  readonly set: (draft: Draft, value: string) => boolean;
  /** Returns what is wrong with an invalid value, as far as more can be said than that it is. */
  readonly problemOf?: (value: string) => Partial<ValueProblem>;
}

const keyText = "32 bytes in base64, 44 characters, as wg genkey prints them";

/** The fields of [Interface]. Source: wg(8), wg-quick(8). */
export const interfaceFields: readonly FieldKind<InterfaceDraft>[] = [
  {
    name: "PrivateKey",
    program: "wg",
    expected: keyText,
    set: (draft, value) => {
      draft.privateKey?.destroy();
      if (isZeroKey(value)) delete draft.privateKey;
      else draft.privateKey = PrivateKey.from(base64(value));
      return true;
    },
  },
  {
    name: "ListenPort",
    program: "wg",
    expected: "a port from 0 to 65535",
    set: assign("listenPort", decimal(65_535)),
  },
  {
    name: "FwMark",
    program: "wg",
    expected: '"off", or a number up to 0xffffffff',
    set: assign("fwmark", readFwmark),
  },
  {
    name: "Address",
    program: "wg-quick",
    expected: "addresses such as 10.0.0.2/24, separated by commas",
    set: (draft, value) => {
      let isValid = true;
      for (const { word } of words(value)) {
        const address = interfaceAddress(word);
        if (address !== undefined) draft.addresses.push(address);
        isValid &&= address !== undefined;
      }
      return isValid;
    },
    problemOf: addressesProblem,
  },
  {
    name: "DNS",
    program: "wg-quick",
    expected: "addresses or search domains, separated by commas",
    set: (draft, value) => {
      for (const { word } of words(value)) draft.dns.push(word);
      return invisibleCharacter(value) === undefined;
    },
  },
  {
    name: "MTU",
    program: "wg-quick",
    expected: "a number of bytes from 68 to 65535",
    set: assignOrRemove("mtu", readMtu),
    problemOf: mtuProblem,
  },
  {
    name: "Table",
    program: "wg-quick",
    expected: '"auto", "off", or a routing table\'s number or name',
    set: assignOrRemove("table", (value) => (/\s/.test(value) ? undefined : value)),
  },
  hook("PreUp", "preUp"),
  hook("PostUp", "postUp"),
  hook("PreDown", "preDown"),
  hook("PostDown", "postDown"),
  {
    name: "SaveConfig",
    program: "wg-quick",
    expected: '"true" or "false"',
    set: assign("saveConfig", readBoolean),
  },
];

/** The fields of [Peer]. Source: wg(8). */
export const peerFields: readonly FieldKind<PeerDraft>[] = [
  {
    name: "PublicKey",
    program: "wg",
    expected: keyText,
    set: assign("publicKey", (value) => publicKey(base64(value))),
  },
  {
    name: "PresharedKey",
    program: "wg",
    expected: keyText,
    set: (draft, value) => {
      if (draft.presharedKey !== "none") draft.presharedKey?.destroy();
      draft.presharedKey = isZeroKey(value) ? "none" : PresharedKey.from(base64(value));
      return true;
    },
  },
  {
    name: "Endpoint",
    program: "wg",
    expected: "a host and a port, such as vpn.example.org:51820",
    set: assign("endpoint", readEndpoint),
    problemOf: endpointProblem,
  },
  {
    name: "PersistentKeepalive",
    program: "wg",
    expected: '"off", or seconds from 0 to 65535',
    set: assign("persistentKeepalive", readKeepalive),
  },
  {
    name: "AllowedIPs",
    program: "wg",
    expected: "prefixes such as 10.0.0.0/24, separated by commas",
    set: (draft, value) => {
      readAllowedIps(value, draft.allowedIps);
      return true;
    },
    problemOf: allowedIpsProblem,
  },
];

type Read<Value> = (text: string) => Value | undefined;
type Assign<Name extends string, Value> = (
  draft: { [Key in Name]?: Value },
  text: string,
) => boolean;

/** Makes a function that sets a field to what `read` returns. */
function assign<Name extends string, Value>(name: Name, read: Read<Value>): Assign<Name, Value> {
  return (draft, text) => {
    const value = read(text);
    if (value !== undefined) draft[name] = value;
    return value !== undefined;
  };
}

/** Makes the same function for a field that wg-quick counts as absent if it is empty. */
function assignOrRemove<Name extends string, Value>(
  name: Name,
  read: Read<Value>,
): Assign<Name, Value> {
  const set = assign(name, read);
  return (draft, text) => {
    delete draft[name];
    return text === "" || set(draft, text);
  };
}

/** Describes a shell command, which is read as it is. */
function hook(
  name: string,
  into: "preUp" | "postUp" | "preDown" | "postDown",
): FieldKind<InterfaceDraft> {
  return {
    name,
    program: "wg-quick",
    expected: "a shell command",
    set: (draft, value) => {
      if (value !== "") draft[into].push(value);
      return true;
    },
  };
}

/** Adds a field's value to a draft. Returns what is wrong with the value, or undefined. */
export function setField<Draft>(
  kind: FieldKind<Draft>,
  draft: Draft,
  value: string,
): ValueProblem | undefined {
  if (trySet(kind, draft, kind.program === "wg" ? withoutSpace(value) : value)) return undefined;
  const general = { problem: `the value of ${kind.name} cannot be read`, at: 0 };
  return { ...general, ...kind.problemOf?.(value) };
}

function trySet<Draft>(kind: FieldKind<Draft>, draft: Draft, value: string): boolean {
  try {
    return kind.set(draft, value);
  } catch {
    // The error may repeat a part of the value.
    return false;
  }
}
