import { longestZeros } from "./address.js";

// Fast path: recognises, on raw bytes, exactly the spelling that our engine emits. Each function answers
// false if it is not sure; the general parsers then decide.

const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;
const zero = 0x30;

/** Reports whether the bytes are an IPv4 address, a colon and a port other than 0. */
export function isCanonicalIPv4Endpoint(bytes: Buffer, start: number, end: number): boolean {
  const at = lastIndexOf(colon, bytes, start, end);
  return readNumber(bytes, at + 1, end, 65_535) > 0 && readIPv4(bytes, start, at) !== -1;
}

/** Reports whether the bytes are a prefix in its normal form: the bits after its length are zero. */
export function isCanonicalPrefix(bytes: Buffer, start: number, end: number): boolean {
  const at = lastIndexOf(slash, bytes, start, end);
  const length = readNumber(bytes, at + 1, end, 128);
  if (length === -1) return false;
  const ipv4 = readIPv4(bytes, start, at);
  if (ipv4 !== -1) return length <= 32 && ipv4 % 2 ** (32 - length) === 0;
  const ipv6 = readIPv6(bytes, start, at);
  return ipv6 !== undefined && isMasked(ipv6, length);
}

/** Returns where a character stands last, or a place before the start if it does not. */
function lastIndexOf(character: number, bytes: Buffer, start: number, end: number): number {
  let at = end - 1;
  while (at >= start && bytes[at] !== character) at--;
  return at;
}

/** Returns the decimal number from 0 to `maximum` that the bytes are, or -1. */
function readNumber(bytes: Buffer, start: number, end: number, maximum: number): number {
  let number = start < end ? 0 : -1;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    const hasLeadingZero = number === 0 && at > start;
    if (digit < 0 || digit > 9 || hasLeadingZero) return -1;
    number = number * 10 + digit;
    if (number > maximum) return -1;
  }
  return number;
}

/** Returns the IPv4 address that the bytes are, as a number, or -1. */
function readIPv4(bytes: Buffer, start: number, end: number): number {
  let address = 0;
  let dots = 0;
  let part = -1; // until there is a digit
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit === dot - zero && part !== -1) {
      address = address * 256 + part;
      part = -1;
      dots++;
      continue;
    }
    const hasLeadingZero = part === 0;
    if (digit < 0 || digit > 9 || hasLeadingZero) return -1;
    part = part === -1 ? digit : part * 10 + digit;
    if (part > 255) return -1;
  }
  return dots === 3 && part !== -1 ? address * 256 + part : -1;
}

/** Returns the eight groups of an IPv6 address in RFC 5952's form without dots, or undefined. */
function readIPv6(bytes: Buffer, start: number, end: number): readonly number[] | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let gap = -1; // how many groups stand before "::"
  let group = -1; // until there is a digit
  for (let at = start; at < end; at++) {
    const code = bytes[at] ?? 0;
    if (code !== colon) {
      const digit = code < 0x61 ? code - zero : code - 0x57;
      const isDigit = digit >= 0 && digit <= (code < 0x61 ? 9 : 15);
      const hasLeadingZero = group === 0;
      if (!isDigit || hasLeadingZero || count === 8) return undefined;
      group = group === -1 ? digit : group * 16 + digit;
      if (group > 0xffff) return undefined;
      continue;
    }
    if (group !== -1) groups[count++] = group;
    else if (at !== start) return undefined;
    group = -1;
    if (bytes[at + 1] === colon && gap === -1) {
      gap = count;
      at++;
    } else if (at === start || at + 1 === end) {
      return undefined; // a single colon is first or last
    }
  }
  if (group !== -1) groups[count++] = group;
  return isShortest(groups, count, gap) ? groups : undefined;
}

/**
 * Moves the groups that follow a gap to the end, and reports whether the gap, if there is one, stands for
 * the first of the longest runs of zeros.
 */
function isShortest(groups: number[], count: number, gap: number): boolean {
  if (gap === -1) return count === 8 && longestZeros(groups).length < 2;
  const missing = 8 - count;
  if (missing < 2) return false;
  for (let from = count - 1; from >= gap; from--) {
    groups[from + missing] = groups[from] ?? 0;
    groups[from] = 0;
  }
  const { start, length } = longestZeros(groups);
  return length === missing && start === gap;
}

/** Reports whether all bits after the first `length` are zero. */
function isMasked(groups: readonly number[], length: number): boolean {
  for (let index = length >> 4; index < 8; index++) {
    const kept = Math.max(0, length - index * 16);
    if (((groups[index] ?? 0) & (0xffff >> kept)) !== 0) return false;
  }
  return true;
}
