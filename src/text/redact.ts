/**
 * From how many digits on a piece of a key is hidden. Numbers of 64 bits and abbreviated hashes have fewer.
 * A key in hexadecimal has 64, and 43 in base64 before its "=".
 */
const digits = 22;

const hexadecimal = new RegExp(`[0-9a-f]{${digits},}`, "gi");
const base64 = new RegExp(`[0-9a-z+/]{${digits},}={0,2}`, "gi");

/** What a word in a path or a name looks like, and next to no piece of a key. */
const word = /^(?:[a-z]*(?:[A-Z][a-z]{2,})*|[A-Z]+)[0-9]{0,4}$/;

/**
 * Hides whatever could be a key or a piece of one in a text for people: some engines log a request that they
 * cannot read whole, or take it apart, and people paste a key where something else belongs. Redact before
 * you cut: what is left of a key must not be too short to be seen.
 */
export function redact(line: string): string {
  return line
    .replace(hexadecimal, "(hidden)")
    .replace(base64, (run) => (run.split("/").every(isWord) ? run : "(hidden)"));
}

/** Short ones are words whatever they look like: a piece of a key has no slash at every sixth digit. */
function isWord(text: string): boolean {
  const bare = text.replace(/=+$/, "");
  return bare.length < 6 || word.test(bare);
}
