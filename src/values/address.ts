// Loaded on first use, because an import would add milliseconds to every start.
const net = (): typeof import("node:net") => process.getBuiltinModule("node:net");

/** Reports whether a text is an IPv4 address, without leading zeros. */
export function isIPv4(text: string): boolean {
  return net().isIPv4(text);
}

/** Reports whether a text is an IPv6 address without a zone. */
export function isIPv6(text: string): boolean {
  return net().isIPv6(text) && !text.includes("%");
}

/**
 * Reads an IP address without a zone into its 4 or 16 bytes in network order. Returns undefined if the
 * text is not an address. Accepts what Go's netip.ParseAddr accepts, which the engine uses: no leading
 * zeros in IPv4. Source: RFC 4291, section 2.2.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text)) return undefined;
  const [start = [], end = []] = text.split("::").map(bytesOf);
  const zeros = new Array<number>(16 - start.length - end.length).fill(0);
  return Uint8Array.from([...start, ...zeros, ...end]);
}

/** Returns the bytes of "a:b:c", which may end with an IPv4 address. */
function bytesOf(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** Reads the length of a prefix: at most three digits, without leading zeros. */
export function parsePrefixLength(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
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
