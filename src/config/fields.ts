import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import { PresharedKey, PrivateKey, type PublicKey, publicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";
import { unseenCharacter } from "./characters.js";
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

/** What the [Interface] section collects while it is read. */
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

/** What a [Peer] section collects while it is read. */
export interface PeerDraft {
  publicKey?: PublicKey;
  /** "none" is a key of zeros. */
  presharedKey?: PresharedKey | "none";
  endpoint?: Endpoint;
  persistentKeepalive?: PersistentKeepalive;
  allowedIps: AllowedIp[];
}

const keyText = "32 bytes in base64, 44 characters, as wg genkey prints them";
const readPort = decimal(65_535);
const readSeconds = decimal(65_535);

/** The keys of [Interface]. Source: wg(8), wg-quick(8). */
export const interfaceFields: readonly FieldKind<InterfaceDraft>[] = [
  {
    name: "PrivateKey",
    program: "wg",
    expected: keyText,
    take: (draft, value) => {
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
    take: (draft, value) => {
      const port = readPort(value);
      if (port !== undefined) draft.listenPort = port;
      return port !== undefined;
    },
  },
  {
    name: "FwMark",
    program: "wg",
    expected: '"off", or a number up to 0xffffffff',
    take: (draft, value) => {
      const mark = readFwmark(value);
      if (mark !== undefined) draft.fwmark = mark;
      return mark !== undefined;
    },
  },
  {
    name: "Address",
    program: "wg-quick",
    expected: "addresses such as 10.0.0.2/24, with commas between them",
    take: (draft, value) => {
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
    expected: "addresses or search domains, with commas between them",
    take: (draft, value) => {
      for (const { word } of words(value)) draft.dns.push(word);
      return unseenCharacter(value) === undefined;
    },
  },
  {
    name: "MTU",
    program: "wg-quick",
    expected: "a number of bytes from 68 to 65535",
    take: (draft, value) => {
      delete draft.mtu;
      const mtu = readMtu(value);
      if (mtu !== undefined) draft.mtu = mtu;
      // For wg-quick an empty one is none.
      return mtu !== undefined || value === "";
    },
    reason: mtuReason,
  },
  {
    name: "Table",
    program: "wg-quick",
    expected: '"auto", "off", or a routing table\'s number or name',
    take: (draft, value) => {
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
    take: (draft, value) => {
      draft.saveConfig = /^true$/i.test(value);
      return draft.saveConfig || /^false$/i.test(value);
    },
  },
];

/** The keys of [Peer]. Source: wg(8). */
export const peerFields: readonly FieldKind<PeerDraft>[] = [
  {
    name: "PublicKey",
    program: "wg",
    expected: keyText,
    take: (draft, value) => {
      draft.publicKey = publicKey(base64(value));
      return true;
    },
  },
  {
    name: "PresharedKey",
    program: "wg",
    expected: keyText,
    take: (draft, value) => {
      if (draft.presharedKey !== "none") draft.presharedKey?.destroy();
      draft.presharedKey = isZeroKey(value) ? "none" : PresharedKey.from(base64(value));
      return true;
    },
  },
  {
    name: "Endpoint",
    program: "wg",
    expected: "a host and a port, as vpn.example.org:51820",
    take: (draft, value) => {
      draft.endpoint = readEndpoint(value);
      return true;
    },
    reason: endpointReason,
  },
  {
    name: "PersistentKeepalive",
    program: "wg",
    expected: '"off", or seconds from 0 to 65535',
    take: (draft, value) => {
      const seconds = isOff(value) ? 0 : readSeconds(value);
      if (seconds !== undefined) draft.persistentKeepalive = seconds === 0 ? "off" : seconds;
      return seconds !== undefined;
    },
  },
  {
    name: "AllowedIPs",
    program: "wg",
    expected: "prefixes such as 10.0.0.0/24, with commas between them",
    take: (draft, value) => {
      readAllowedIps(value, draft.allowedIps);
      return true;
    },
    problemAt: allowedIpsProblemAt,
  },
];

/** A command for the shell, taken as it stands. */
function hook(
  name: string,
  into: "preUp" | "postUp" | "preDown" | "postDown",
): FieldKind<InterfaceDraft> {
  return {
    name,
    program: "wg-quick",
    expected: "a shell command",
    take: (draft, value) => {
      // An empty one does nothing.
      if (value !== "") draft[into].push(value);
      return true;
    },
  };
}

/** One key of a section: its spelling, what its value has to be, and how it is taken. */
export interface FieldKind<Draft> {
  readonly name: string;
  readonly expected: string;
  /** Who reads it. wg(8) overlooks all white space, in the field's name as well; wg-quick(8) does not. */
  readonly program: "wg" | "wg-quick";
  /** Takes the value; false where it is none. What it throws counts as false. */
  readonly take: (draft: Draft, value: string) => boolean;
  /** Where in a value that is none the problem is. Absent: at its start. */
  readonly problemAt?: (value: string) => number;
  /** Why a value that other programs take is none here. It does not repeat the value. */
  readonly reason?: (value: string) => string | undefined;
}

/** What is wrong with a value. The text does not repeat it: a key may stand where it does not belong. */
export interface ValueProblem {
  readonly problem: string;
  /** An index into the value. */
  readonly at: number;
}

/** Takes a value; what is wrong with it, or undefined. */
export function takeField<Draft>(
  kind: FieldKind<Draft>,
  draft: Draft,
  value: string,
): ValueProblem | undefined {
  if (isTaken(kind, draft, kind.program === "wg" ? withoutSpace(value) : value)) return undefined;
  const problem = kind.reason?.(value) ?? `the value of ${kind.name} cannot be read`;
  return { problem, at: kind.problemAt?.(value) ?? 0 };
}

function isTaken<Draft>(kind: FieldKind<Draft>, draft: Draft, value: string): boolean {
  try {
    return kind.take(draft, value);
  } catch {
    // The reason may hold a part of the value.
    return false;
  }
}
