import { counted } from "../text/counted.js";

/** How long a key is in base64. */
const keyCharacters = 44;

/** A key's text that was read, or what is wrong with what was. */
export type KeyText = { readonly text: string } | { readonly fault: string };

/**
 * Reads a key in base64, as wg(8) does: it comes first, and only white space and zeros may follow. Who
 * pours something else in is refused at once. An input without anything is a text without anything.
 */
export async function readKeyText(input: AsyncIterable<Buffer | string>): Promise<KeyText> {
  const text = Buffer.alloc(keyCharacters);
  let length = 0;
  try {
    for await (const piece of input) {
      const bytes = Buffer.from(piece);
      const taken = bytes.copy(text, length);
      length += taken;
      const blank = isBlank(bytes.subarray(taken));
      bytes.fill(0);
      if (!blank) return { fault: "more follows it" };
      if (length === keyCharacters && !isKey(text)) return { fault: "it is not base64" };
    }
    if (length !== 0 && length < keyCharacters) {
      return { fault: `it has ${counted(length, "character")}` };
    }
    return { text: text.toString("latin1", 0, length) };
  } finally {
    text.fill(0);
  }
}

function isKey(text: Buffer): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text.toString("latin1"));
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
