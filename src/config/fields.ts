import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import { PresharedKey, PrivateKey, type PublicKey, publicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";
import { invisibleCharacter } from "./characters.js";
import {
  addressesProblemAt,
  addressesReason,
  allowedIpsProblemAt,
  base64,
  decimal,
  endpointReason,
  isOff,
  isZeroKey,
  mtuReason,
  readAllowedIps,
  readEndpoint,
  readFwmark,
  readMtu,
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

const keyText = "32 bytes in base64, 44 characters, as wg genkey prints them";
const readPort = decimal(65_535);
const readSeconds = decimal(65_535);

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
    set: (draft, value) => {
      const port = readPort(value);
      if (port !== undefined) draft.listenPort = port;
      return port !== undefined;
    },
  },
  {
    name: "FwMark",
    program: "wg",
    expected: '"off", or a number up to 0xffffffff',
    set: (draft, value) => {
      const mark = readFwmark(value);
      if (mark !== undefined) draft.fwmark = mark;
      return mark !== undefined;
    },
  },
  {
    name: "Address",
    program: "wg-quick",
    expected: "addresses such as 10.0.0.2/24, separated by commas",
    set: (draft, value) => {
      let valid = true;
      for (const { word } of words(value)) {
        const address = interfaceAddress(word);
        if (address !== undefined) draft.addresses.push(address);
        valid &&= address !== undefined;
      }
      return valid;
    },
    problemAt: addressesProblemAt,
    reason: addressesReason,
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
    set: (draft, value) => {
      delete draft.mtu;
      const mtu = readMtu(value);
      if (mtu !== undefined) draft.mtu = mtu;
      // wg-quick counts an empty one as absent.
      return mtu !== undefined || value === "";
    },
    reason: mtuReason,
  },
  {
    name: "Table",
    program: "wg-quick",
    expected: '"auto", "off", or a routing table\'s number or name',
    set: (draft, value) => {
      delete draft.table;
      if (value !== "") draft.table = value;
      return !/\s/.test(value);
    },
  },
  hook("PreUp", "preUp"),
  hook("PostUp", "postUp"),
  hook("PreDown", "preDown"),
  hook("PostDown", "postDown"),
  {
    name: "SaveConfig",
    program: "wg-quick",
    expected: '"true" or "false"',
    set: (draft, value) => {
      draft.saveConfig = /^true$/i.test(value);
      return draft.saveConfig || /^false$/i.test(value);
    },
  },
];

/** The fields of [Peer]. Source: wg(8). */
export const peerFields: readonly FieldKind<PeerDraft>[] = [
  {
    name: "PublicKey",
    program: "wg",
    expected: keyText,
    set: (draft, value) => {
      draft.publicKey = publicKey(base64(value));
      return true;
    },
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
    set: (draft, value) => {
      draft.endpoint = readEndpoint(value);
      return true;
    },
    reason: endpointReason,
  },
  {
    name: "PersistentKeepalive",
    program: "wg",
    expected: '"off", or seconds from 0 to 65535',
    set: (draft, value) => {
      const seconds = isOff(value) ? 0 : readSeconds(value);
      if (seconds !== undefined) draft.persistentKeepalive = seconds === 0 ? "off" : seconds;
      return seconds !== undefined;
    },
  },
  {
    name: "AllowedIPs",
    program: "wg",
    expected: "prefixes such as 10.0.0.0/24, separated by commas",
    set: (draft, value) => {
      readAllowedIps(value, draft.allowedIps);
      return true;
    },
    problemAt: allowedIpsProblemAt,
  },
];

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
      // wg-quick runs an empty one as well, and it does nothing.
      if (value !== "") draft[into].push(value);
      return true;
    },
  };
}

/** A field of a section: its spelling, what its value must be, and how it is read. */
export interface FieldKind<Draft> {
  readonly name: string;
  readonly expected: string;
  /** The program that reads it. wg(8) ignores all white space, even in names; wg-quick(8) does not. */
  readonly program: "wg" | "wg-quick";
  /** Adds the value to the draft. Returns false, or throws, if the value is not valid. */
  readonly set: (draft: Draft, value: string) => boolean;
  /** Returns where in an invalid value the problem is. Absent: at its start. */
  readonly problemAt?: (value: string) => number;
  /** Returns why a value that other programs accept is refused, without repeating the value. */
  readonly reason?: (value: string) => string | undefined;
}

/** What is wrong with a value. It does not repeat the value: a key may be where it does not belong. */
export interface ValueProblem {
  readonly problem: string;
  /** Its index in the value. */
  readonly at: number;
}

/** Adds a field's value to a draft. Returns what is wrong with the value, or undefined. */
export function setField<Draft>(
  kind: FieldKind<Draft>,
  draft: Draft,
  value: string,
): ValueProblem | undefined {
  if (trySet(kind, draft, kind.program === "wg" ? withoutSpace(value) : value)) return undefined;
  const problem = kind.reason?.(value) ?? `the value of ${kind.name} cannot be read`;
  return { problem, at: kind.problemAt?.(value) ?? 0 };
}

function trySet<Draft>(kind: FieldKind<Draft>, draft: Draft, value: string): boolean {
  try {
    return kind.set(draft, value);
  } catch {
    // The error may repeat a part of the value.
    return false;
  }
}
