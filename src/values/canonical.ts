// Looks at the bytes of text whether it is spelled just as the engine spells it, so that the slower
// readers are needed only for other programs. Each function answers false where it is not sure.

const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;
const zero = 0x30;

/** Where a number ends that began at `at`, and its value in `number`. */
let number = 0;

/** Reads a decimal number without leading zeros of at most `most`; -1 where there is none. */
function skipNumber(bytes: Buffer, at: number, end: number, most: number): number {
  let next = at;
  number = 0;
  while (next < end) {
    const digit = (bytes[next] ?? 0) - zero;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
    next++;
    if (number > most || (number < 10 && next - at > 1)) return -1;
  }
  return next === at ? -1 : next;
}

let address = 0;

/** Reads an IPv4 address into `address`; -1 where there is none. */
function skipIPv4(bytes: Buffer, at: number, end: number): number {
  let next = at;
  address = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && bytes[next++] !== dot) return -1;
    next = skipNumber(bytes, next, end, 255);
    if (next === -1) return -1;
    address = address * 256 + number;
  }
  return next;
}

/** Whether the bytes are an IPv4 address, a colon and a port other than 0. */
export function isCanonicalIPv4Endpoint(bytes: Buffer, start: number, end: number): boolean {
  const afterAddress = skipIPv4(bytes, start, end);
  if (afterAddress === -1 || bytes[afterAddress] !== colon) return false;
  return skipNumber(bytes, afterAddress + 1, end, 65_535) === end && number > 0;
}

/** Whether the bytes are a prefix in its normal form, with the bits behind its length zero. */
export function isCanonicalPrefix(bytes: Buffer, start: number, end: number): boolean {
  const afterIPv4 = skipIPv4(bytes, start, end);
  if (afterIPv4 !== -1) {
    if (bytes[afterIPv4] !== slash) return false;
    if (skipNumber(bytes, afterIPv4 + 1, end, 32) !== end) return false;
    return address % 2 ** (32 - number) === 0;
  }
  const afterIPv6 = skipIPv6(bytes, start, end);
  if (afterIPv6 === -1 || bytes[afterIPv6] !== slash) return false;
  return skipNumber(bytes, afterIPv6 + 1, end, 128) === end && isMasked(number);
}

const groups = new Uint16Array(8);

/** Reads an IPv6 address in RFC 5952's form, without dots, into `groups`; -1 where there is none. */
function skipIPv6(bytes: Buffer, start: number, end: number): number {
  let next = start;
  let count = 0;
  let gap = -1;
  if (bytes[next] === colon && bytes[next + 1] === colon) {
    gap = 0;
    next += 2;
  }
  while (next < end && bytes[next] !== slash) {
    const after = skipGroup(bytes, next, end);
    if (after === -1 || count === 8) return -1;
    groups[count++] = number;
    next = after;
    if (bytes[next] !== colon) break;
    next++;
    if (bytes[next] !== colon) {
      if (bytes[next] === slash) return -1; // ended by a single colon
      continue;
    }
    if (gap !== -1) return -1;
    gap = count;
    next++;
  }
  return isShortest(count, gap) ? next : -1;
}

/** A group of 1 to 4 lower-case digits without leading zeros, into `number`. */
function skipGroup(bytes: Buffer, at: number, end: number): number {
  let next = at;
  number = 0;
  while (next < end && next - at < 4) {
    const code = bytes[next] ?? 0;
    const digit = code >= 0x61 && code <= 0x66 ? code - 0x57 : code - zero;
    if (digit < 0 || digit > 15 || (digit > 9 && code < 0x61)) break;
    number = number * 16 + digit;
    next++;
    if (number < 16 && next - at > 1) return -1;
  }
  return next === at ? -1 : next;
}

/** Whether "::" stands for the first of the longest runs of zeros; moves the groups behind it. */
function isShortest(count: number, gap: number): boolean {
  if (gap === -1) return count === 8 && longestRun() < 2;
  const missing = 8 - count;
  if (missing < 2) return false;
  groups.copyWithin(gap + missing, gap, count);
  groups.fill(0, gap, gap + missing);
  return longestRun() === missing && runStart === gap;
}

let runStart = 0;

/** The length of the first of the longest runs of zeros; it begins at `runStart`. */
function longestRun(): number {
  let longest = 0;
  let length = 0;
  for (let index = 0; index < 8; index++) {
    length = groups[index] === 0 ? length + 1 : 0;
    if (length <= longest) continue;
    longest = length;
    runStart = index - length + 1;
  }
  return longest;
}

function isMasked(length: number): boolean {
  for (let index = length >> 4; index < 8; index++) {
    const kept = Math.max(0, length - index * 16);
    if (((groups[index] ?? 0) & (0xffff >> kept)) !== 0) return false;
  }
  return true;
}
