import { formatAddress, parseAddress } from "../values/address.js";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import { skipSpace, withoutSpace, words } from "./lines.js";

/** A decimal number within its limits. Zeros may lead, as for strtoul(3). */
export function decimal(most: number, least = 0): (value: string) => number | undefined {
  return (value) => {
    const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return parsed >= least && parsed <= most ? parsed : undefined;
  };
}

const decimalMark = decimal(0xffff_ffff);

/** "off", or a number, hexadecimal only after a small "0x". */
export function readFwmark(value: string): number | undefined {
  if (isOff(value)) return 0;
  if (!/^0x[0-9a-fA-F]+$/.test(value)) return decimalMark(value);
  const mark = Number(value);
  return mark <= 0xffff_ffff ? mark : undefined;
}

export function isOff(value: string): boolean {
  return /^off$/i.test(value);
}

/** UAPI's hexadecimal spelling of a key has no place in a file. */
export function base64(value: string): string {
  if (value.length !== 44) throw new Error("not 44 characters");
  return value;
}

/** wg(8) means by a key of zeros that there is none. */
export function isZeroKey(value: string): boolean {
  return /^A{43}=$/.test(value);
}

/**
 * An endpoint as wg(8) reads it: an IPv6 address needs no brackets, and anything else may have them.
 * An IPv6 address is spelled as the engine spells it, and one that stands for an IPv4 address as that.
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

/** Adds the prefixes of a list with commas, without white space in it. */
export function readAllowedIps(value: string, into: AllowedIp[]): void {
  // strtoul(3) takes zeros before the length.
  const plain = /\/0\d/.test(value) ? value.replace(/\/0+(?=\d)/g, "/") : value;
  for (const entry of plain.split(",")) into.push(allowedIp(entry));
}

/** Where the first entry of such a list is that is no prefix. */
export function allowedIpsProblemAt(value: string): number {
  let at = 0;
  for (const entry of value.split(",")) {
    if (!isAllowedIp(withoutSpace(entry))) return at + skipSpace(entry, 0, entry.length);
    at += entry.length + 1;
  }
  return 0;
}

function isAllowedIp(entry: string): boolean {
  try {
    readAllowedIps(entry, []);
    return true;
  } catch {
    // That is the question.
    return false;
  }
}

/**
 * Bytes in decimal, or in hexadecimal after "0x". A leading zero, which makes a number octal to ip(8)
 * and decimal to most people, is refused.
 */
export function readMtu(value: string): number | undefined {
  const parsed = /^(?:0x[0-9a-f]+|[1-9]\d*)$/i.test(value) ? Number(value) : Number.NaN;
  return parsed >= 68 && parsed <= 65_535 ? parsed : undefined;
}

/** Why a number that ip(8) takes is none here. */
export function mtuReason(value: string): string | undefined {
  return /^0\d/.test(value)
    ? "the MTU has a leading zero, which makes it octal to ip(8)"
    : undefined;
}

/** Why an endpoint that wg(8) takes is none here: its addresses are those of inet_aton(3). */
export function endpointReason(value: string): string | undefined {
  const [, address] = /^\[?([\d.]+)\]?:\d+$/.exec(value) ?? [];
  if (address === undefined) return undefined;
  if (/(?:^|\.)0\d/.test(address)) return `${leadingZero} wg(8)`;
  return address.split(".").length < 4
    ? "this IPv4 address has fewer than four numbers; wg(8) would put zeros before the last"
    : undefined;
}

const leadingZero = "a number of this IPv4 address has a leading zero, which makes it octal to";

/** Why the first address that is none here is taken by ip(8). */
export function addressesReason(value: string): string | undefined {
  for (const { word } of words(value)) {
    if (interfaceAddress(word) !== undefined) continue;
    const [, address = "", length = ""] = /^([\d.]+)(?:\/(.*))?$/.exec(word) ?? [];
    if (address === "") return undefined;
    if (/(?:^|\.)0\d/.test(address)) return `${leadingZero} ip(8)`;
    if (/^0\d/.test(length))
      return "this prefix length has a leading zero, which makes it octal to ip(8)";
    if (address.split(".").length < 4) {
      return "this IPv4 address has fewer than four numbers; ip(8) would put zeros behind the last";
    }
    return undefined;
  }
  return undefined;
}

/** Where the first entry of a list of addresses is that is none. */
export function addressesProblemAt(value: string): number {
  for (const { word, at } of words(value)) if (interfaceAddress(word) === undefined) return at;
  return 0;
}
