/**
 * Reads an IP address without a zone into its 4 or 16 bytes in network order. Returns undefined if the
 * text is not an address. Accepts what Go's netip.ParseAddr accepts, which the engine uses: no leading
 * zeros in IPv4. Source: RFC 4291, section 2.2.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}

/** Reads the length of a prefix: at most three digits, without leading zeros. */
export function parsePrefixLength(text: string): number | undefined {
  return shortDecimal.test(text) ? Number(text) : undefined;
}

const shortDecimal = /^(?:0|[1-9]\d{0,2})$/;

function parseIPv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!shortDecimal.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const start = parseGroups(head, tail === undefined);
  const end = tail === undefined ? [] : parseGroups(tail, true);
  if (start === undefined || end === undefined) return undefined;
  const missing = 16 - start.length - end.length;
  // "::" stands for at least one group of zeros.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...start, ...new Array<number>(missing).fill(0), ...end]);
}

/** Reads the bytes of "a:b:c". Only the end of an address may be an IPv4 address. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const embedded = atEnd && index === groups.length - 1 ? parseIPv4(group) : undefined;
    if (embedded === undefined) return undefined;
    bytes.push(...embedded);
  }
  return bytes.length <= 16 ? bytes : undefined;
}

/**
 * Writes an address of 4 or 16 bytes as RFC 5952 recommends and as Go, and therefore the engine, does:
 * lower case, the longest run of zeros shortened, IPv4-mapped addresses with dots.
 */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = groupsOf(bytes);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return `::ffff:${bytes.slice(12).join(".")}`;
  return formatGroups(groups);
}

/**
 * Writes an address as glibc's inet_ntop, and therefore wg(8), does. It differs from formatAddress in
 * IPv4-compatible addresses, 96 zero bits before an IPv4 address: they have dots as well.
 */
export function formatAddressAsLibc(bytes: Uint8Array): string {
  const groups = bytes.length === 16 ? groupsOf(bytes) : [];
  const compatible = groups.slice(0, 6).every((group) => group === 0) && (groups[6] ?? 0) !== 0;
  return groups.length === 8 && compatible
    ? `::${bytes.slice(12).join(".")}`
    : formatAddress(bytes);
}

function groupsOf(bytes: Uint8Array): number[] {
  return Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  );
}

function formatGroups(groups: readonly number[]): string {
  const { start, length } = longestZeros(groups);
  const hex = (some: readonly number[]) => some.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** Finds the longest run of zeros, the first one of several. */
export function longestZeros(groups: ArrayLike<number>): { start: number; length: number } {
  let [start, longest, length] = [0, 0, 0];
  for (let index = 0; index < groups.length; index++) {
    length = groups[index] === 0 ? length + 1 : 0;
    if (length <= longest) continue;
    longest = length;
    start = index - length + 1;
  }
  return { start, length: longest };
}
