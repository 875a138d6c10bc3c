import { formatAddress, parseAddress } from "../values/address.js";
import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { type Endpoint, parseEndpoint } from "../values/endpoint.js";
import { interfaceAddress } from "../values/interface-address.js";
import { skipSpace, withoutSpace, words } from "./lines.js";

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

export function isOff(value: string): boolean {
  return /^off$/i.test(value);
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

/** Returns the index of the first entry of such a list that is not a prefix. */
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

/** Returns why a number that ip(8) accepts is refused. */
export function mtuReason(value: string): string | undefined {
  return /^0\d/.test(value)
    ? "the MTU has a leading zero, which makes it octal to ip(8)"
    : undefined;
}

/** Returns why an endpoint that wg(8) accepts is refused: wg reads addresses as inet_aton(3) does. */
export function endpointReason(value: string): string | undefined {
  const [, address] = /^\[?([\d.]+)\]?:\d+$/.exec(value) ?? [];
  if (address === undefined) return undefined;
  if (/(?:^|\.)0\d/.test(address)) return `${leadingZero} wg(8)`;
  return address.split(".").length < 4
    ? "this IPv4 address has fewer than four numbers; wg(8) would put zeros before the last"
    : undefined;
}

const leadingZero = "a number of this IPv4 address has a leading zero, which makes it octal to";

/** Returns why an address that ip(8) accepts is refused. */
export function addressesReason(value: string): string | undefined {
  for (const { word } of words(value)) {
    if (interfaceAddress(word) !== undefined) continue;
    const [, address = "", length = ""] = /^([\d.]+)(?:\/(.*))?$/.exec(word) ?? [];
    if (address === "") return undefined;
    if (/(?:^|\.)0\d/.test(address)) return `${leadingZero} ip(8)`;
    if (/^0\d/.test(length))
      return "this prefix length has a leading zero, which makes it octal to ip(8)";
    if (address.split(".").length < 4) {
      return "this IPv4 address has fewer than four numbers; ip(8) would put zeros after the last";
    }
    return undefined;
  }
  return undefined;
}

/** Returns the index of the first entry of a list that is not an address. */
export function addressesProblemAt(value: string): number {
  for (const { word, at } of words(value)) if (interfaceAddress(word) === undefined) return at;
  return 0;
}
