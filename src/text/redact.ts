/**
 * The minimum length of what counts as part of a key. 64-bit numbers and abbreviated hashes are shorter. A key
 * has 64 hexadecimal digits, or 43 characters of base64 before its "=".
 */
const minimum = 22;

const hexadecimal = new RegExp(`[0-9a-f]{${minimum},}`, "gi");
const base64 = new RegExp(`[0-9a-z+/]{${minimum},}={0,2}`, "gi");

/** A word in a path or a name. Almost no part of a key looks like one. */
const word = /^(?:[a-z]*(?:[A-Z][a-z]{2,})*|[A-Z]+)[0-9]{0,4}$/;

/**
 * Hides whatever could be a key, or part of one, in a text for people. Some engines log requests that they
 * cannot parse, whole or in pieces, and people paste keys in the wrong place. Redact before cutting a text:
 * the rest of a key may be too short to be recognised.
 */
export function redact(line: string): string {
  return line
    .replace(hexadecimal, "(hidden)")
    .replace(base64, (run) => (run.split("/").every(isWord) ? run : "(hidden)"));
}

/** Anything short is a word: keys do not have a slash at every sixth character. */
function isWord(text: string): boolean {
  const bare = text.replace(/=+$/, "");
  return bare.length < 6 || word.test(bare);
}
