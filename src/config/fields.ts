import { messageOf } from "../errors.js";
import { parseAddress } from "../values/address.js";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { PresharedKey, PrivateKey, type PublicKey, publicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";

/** What a section collects while it is read. */
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

export interface PeerDraft {
  publicKey?: PublicKey;
  presharedKey?: PresharedKey;
  endpoint?: Endpoint;
  persistentKeepalive?: PersistentKeepalive;
  allowedIps: AllowedIp[];
}

/** One key of a section: its spelling, what its value has to be, and how it is taken. */
export interface FieldKind<Draft> {
  readonly name: string;
  readonly expected: string;
  /** Takes the value; false where it is none. What it throws counts as false. */
  readonly take: (draft: Draft, value: string) => boolean;
}

const keyText = "32 bytes in base64, 44 characters, as wg genkey prints them";

/** The keys of [Interface]. Source: wg(8), wg-quick(8). */
export const interfaceFields: readonly FieldKind<InterfaceDraft>[] = [
  field("PrivateKey", keyText, (draft, value) => {
    draft.privateKey = PrivateKey.from(base64(value));
  }),
  number("ListenPort", "a port from 0 to 65535", decimal(65_535), (draft, port) => {
    draft.listenPort = port;
  }),
  number("FwMark", '"off", or a number up to 0xffffffff', fwmark, (draft, mark) => {
    draft.fwmark = mark;
  }),
  list(
    "Address",
    "addresses such as 10.0.0.2/24, with commas between them",
    isAddress,
    "addresses",
  ),
  list("DNS", "addresses or search domains, with commas between them", () => true, "dns"),
  number("MTU", "a number of bytes from 68 to 65535", decimal(65_535, 68), (draft, mtu) => {
    draft.mtu = mtu;
  }),
  {
    name: "Table",
    expected: '"auto", "off", or a routing table\'s number or name',
    take: (draft, value) => {
      draft.table = value;
      return /^\S+$/.test(value);
    },
  },
  hook("PreUp", "preUp"),
  hook("PostUp", "postUp"),
  hook("PreDown", "preDown"),
  hook("PostDown", "postDown"),
  {
    name: "SaveConfig",
    expected: '"true" or "false"',
    take: (draft, value) => {
      draft.saveConfig = value === "true";
      return value === "true" || value === "false";
    },
  },
];

/** The keys of [Peer]. Source: wg(8). */
export const peerFields: readonly FieldKind<PeerDraft>[] = [
  field("PublicKey", keyText, (draft, value) => {
    draft.publicKey = publicKey(base64(value));
  }),
  field("PresharedKey", keyText, (draft, value) => {
    draft.presharedKey = PresharedKey.from(base64(value));
  }),
  field("Endpoint", "a host and a port, as vpn.example.org:51820", (draft, value) => {
    draft.endpoint = parseEndpoint(value);
  }),
  {
    name: "PersistentKeepalive",
    expected: '"off", or seconds from 0 to 65535',
    take: (draft, value) => {
      const seconds = value.toLowerCase() === "off" ? 0 : decimal(65_535)(value);
      if (seconds === undefined) return false;
      draft.persistentKeepalive = seconds === 0 ? "off" : seconds;
      return true;
    },
  },
  field("AllowedIPs", "prefixes such as 10.0.0.0/24, with commas between them", (draft, value) => {
    for (const text of value.split(",")) draft.allowedIps.push(allowedIp(text.trim()));
  }),
];

/** A field whose value is taken by something that throws. */
function field<Draft>(
  name: string,
  expected: string,
  take: (draft: Draft, value: string) => void,
): FieldKind<Draft> {
  return {
    name,
    expected,
    take: (draft, value) => {
      take(draft, value);
      return true;
    },
  };
}

function number<Draft>(
  name: string,
  expected: string,
  parse: (value: string) => number | undefined,
  take: (draft: Draft, value: number) => void,
): FieldKind<Draft> {
  return {
    name,
    expected,
    take: (draft, value) => {
      const parsed = parse(value);
      if (parsed !== undefined) take(draft, parsed);
      return parsed !== undefined;
    },
  };
}

function list(
  name: string,
  expected: string,
  valid: (entry: string) => boolean,
  into: "addresses" | "dns",
): FieldKind<InterfaceDraft> {
  return {
    name,
    expected,
    take: (draft, value) => {
      // wg-quick splits at commas and at white space.
      const entries = value.split(/[\s,]+/).filter((entry) => entry !== "");
      draft[into].push(...entries);
      return entries.every(valid);
    },
  };
}

function hook(
  name: string,
  into: "preUp" | "postUp" | "preDown" | "postDown",
): FieldKind<InterfaceDraft> {
  return {
    name,
    expected: "a shell command",
    take: (draft, value) => {
      draft[into].push(value);
      return value !== "";
    },
  };
}

/** UAPI's hexadecimal spelling has no place in a file. */
function base64(value: string): string {
  if (value.length !== 44) throw new Error("not 44 characters");
  return value;
}

function decimal(most: number, least = 0): (value: string) => number | undefined {
  return (value) => {
    const parsed = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
    return parsed >= least && parsed <= most ? parsed : undefined;
  };
}

function fwmark(value: string): number | undefined {
  if (value.toLowerCase() === "off") return 0;
  if (/^0x[0-9a-f]{1,8}$/i.test(value)) return Number(value);
  return decimal(0xffff_ffff)(value);
}

function isAddress(entry: string): boolean {
  const [address = "", length] = entry.split("/", 2);
  const bits = (parseAddress(address)?.length ?? 0) * 8;
  return bits > 0 && (length === undefined || decimal(bits)(length) !== undefined);
}

/** Takes a value; the reason why not, or undefined. No reason repeats the value. */
export function takeField<Draft>(
  kind: FieldKind<Draft>,
  draft: Draft,
  value: string,
): string | undefined {
  try {
    return kind.take(draft, value) ? undefined : `the value of ${kind.name} cannot be read`;
  } catch (error) {
    const secret = kind.name.endsWith("Key");
    const reason = secret ? "" : ` (${messageOf(error).split(":")[0]})`;
    return `the value of ${kind.name} cannot be read${reason}`;
  }
}
