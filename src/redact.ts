/**
 * A key as UAPI has it, or as people write it; then perhaps without its last sign, as the engines take
 * a line apart at it.
 */
const key = /[0-9a-f]{64}|[0-9a-z+/]{43}=|(?<![0-9a-z+/])[0-9a-z+/]{43}(?![0-9a-z+/])/gi;

/** Hides whatever could be a key in a text for people: some engines log a request that they cannot
 * read whole, and people paste a key where something else belongs. */
export function redact(line: string): string {
  return line.replace(key, "(hidden)");
}
