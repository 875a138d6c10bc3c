import { formatAddress, parseAddress } from "../values/address.js";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import type { PersistentKeepalive } from "../values/number.js";
import { skipSpace, withoutSpace, words } from "./lines.js";

/** What is wrong with a value. It does not repeat the value: a key may be where it does not belong. */
export interface ValueProblem {
  readonly problem: string;
  /** Its index in the value. */
  readonly at: number;
}

/** Makes a reader of decimal numbers. Leading zeros are accepted, as by strtoul(3). */
export function decimal(maximum: number): (value: string) => number | undefined {
  return (value) => {
    const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return parsed <= maximum ? parsed : undefined;
  };
}

const decimalMark = decimal(0xffff_ffff);

/** Reads "off", or a number, which is hexadecimal only after a lower-case "0x". */
export function readFwmark(value: string): number | undefined {
  if (isOff(value)) return 0;
  if (!/^0x[0-9a-fA-F]+$/.test(value)) return decimalMark(value);
  const mark = Number(value);
  return mark <= 0xffff_ffff ? mark : undefined;
}

/** Reads seconds between keepalives, or "off", which 0 means as well. */
export function readKeepalive(value: string): PersistentKeepalive | undefined {
  const seconds = isOff(value) ? 0 : readSeconds(value);
  return seconds === 0 ? "off" : seconds;
}

const readSeconds = decimal(65_535);

export function isOff(value: string): boolean {
  return /^off$/i.test(value);
}

/** Reads "true" or "false", in any case. */
export function readBoolean(value: string): boolean | undefined {
  return /^(?:true|false)$/i.test(value) ? /^t/i.test(value) : undefined;
}

/** Returns the text of a key unless it is hexadecimal, which only UAPI accepts. */
export function base64(value: string): string {
  if (value.length !== 44) throw new Error("not 44 characters");
  return value;
}

/** Reports whether a key is all zeros, which stands for no key in wg(8). */
export function isZeroKey(value: string): boolean {
  return /^A{43}=$/.test(value);
}

/**
 * Reads an endpoint as wg(8) does: an IPv6 address needs no brackets, and any other host may have them.
 * IPv6 addresses are spelled as the engine spells them, and IPv4-mapped ones become IPv4 addresses.
 */
export function readEndpoint(value: string): Endpoint {
  if (/^[\d.]+:[1-9]\d*$/.test(value)) return parseEndpoint(value);
  const colon = value.lastIndexOf(":");
  const bracketed = /^\[([^[\]]*)\]$/.exec(value.slice(0, Math.max(colon, 0)));
  const host = bracketed?.[1] ?? value.slice(0, Math.max(colon, 0));
  const port = value.slice(colon + 1).replace(/^0+(?=\d)/, "");
  const canonical = host.includes(":") ? `[${canonicalHost(host)}]` : host;
  return parseEndpoint(`${unmapped(canonical)}:${port}`);
}

function canonicalHost(host: string): string {
  const percent = host.indexOf("%");
  const address = percent === -1 ? host : host.slice(0, percent);
  const bytes = parseAddress(address);
  return bytes === undefined ? host : formatAddress(bytes) + host.slice(address.length);
}

function unmapped(host: string): string {
  return /^\[::ffff:([\d.]+)\]$/.exec(host)?.[1] ?? host;
}

/** Adds the prefixes of a list that has commas and no white space. */
export function readAllowedIps(value: string, into: AllowedIp[]): void {
  // strtoul(3) accepts leading zeros in the length.
  const plain = /\/0\d/.test(value) ? value.replace(/\/0+(?=\d)/g, "/") : value;
  for (const entry of plain.split(",")) into.push(allowedIp(entry));
}

/** Finds the first entry of such a list that is not a prefix. */
export function allowedIpsProblem(value: string): Partial<ValueProblem> {
  let at = 0;
  for (const entry of value.split(",")) {
    if (!isAllowedIp(withoutSpace(entry))) return { at: at + skipSpace(entry, 0, entry.length) };
    at += entry.length + 1;
  }
  return {};
}

function isAllowedIp(entry: string): boolean {
  try {
    readAllowedIps(entry, []);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a number of bytes, decimal or after "0x" hexadecimal. A leading zero is refused: it makes the
 * number octal to ip(8), but not to most people.
 */
export function readMtu(value: string): number | undefined {
  const parsed = /^(?:0x[0-9a-f]+|[1-9]\d*)$/i.test(value) ? Number(value) : Number.NaN;
  return parsed >= 68 && parsed <= 65_535 ? parsed : undefined;
}

// wg(8) and ip(8) accept some values that are refused here. The functions below say why.

/** Returns what is wrong with an MTU. */
export function mtuProblem(value: string): Partial<ValueProblem> {
  return hasLeadingZero(value)
    ? { problem: "the MTU has a leading zero, which makes it octal to ip(8)" }
    : {};
}

/** Returns what is wrong with an endpoint. wg(8) reads addresses as inet_aton(3) does. */
export function endpointProblem(value: string): Partial<ValueProblem> {
  const [, address] = /^\[?([\d.]+)\]?:\d+$/.exec(value) ?? [];
  return address === undefined ? {} : ipv4Problem(address, "wg(8)", "before");
}

/** Finds the first entry of a list that is not an address, and what is wrong with it. */
export function addressesProblem(value: string): Partial<ValueProblem> {
  for (const { word, at } of words(value)) {
    if (interfaceAddress(word) !== undefined) continue;
    const [, address, length = ""] = /^([\d.]+)(?:\/(.*))?$/.exec(word) ?? [];
    if (address === undefined) return { at };
    if (!hasLeadingZero(address) && hasLeadingZero(length)) {
      return {
        at,
        problem: "this prefix length has a leading zero, which makes it octal to ip(8)",
      };
    }
    return { at, ...ipv4Problem(address, "ip(8)", "after") };
  }
  return {};
}

function ipv4Problem(
  address: string,
  program: string,
  side: "before" | "after",
): Partial<ValueProblem> {
  if (hasLeadingZero(address)) {
    const problem = `a number of this IPv4 address has a leading zero, which makes it octal to ${program}`;
    return { problem };
  }
  if (address.split(".").length >= 4) return {};
  const problem = `this IPv4 address has fewer than four numbers; ${program} would put zeros ${side} the last`;
  return { problem };
}

/** Reports whether a number, or one between dots, has a leading zero. */
function hasLeadingZero(text: string): boolean {
  return /(?:^|\.)0\d/.test(text);
}
