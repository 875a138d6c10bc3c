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
export function allowedIpsFaultAt(value: string): number {
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

/** Where the first entry of a list of addresses is that is none. */
export function addressesFaultAt(value: string): number {
  for (const { word, at } of words(value)) if (interfaceAddress(word) === undefined) return at;
  return 0;
}
