import { WgBridgeError } from "../errors.js";
import { counted } from "../text/quote.js";

/** The length of a key in base64. */
const keyCharacters = 44;

/**
 * Reads a key in base64, as wg(8) does: white space and zero bytes may follow it, but not precede it.
 * Returns "" if the input is empty, and stops reading at the first byte that does not belong.
 * @param source what the input is, at the start of an error's message
 * @throws WgBridgeError WG_BRIDGE_KEY, which never repeats what was read
 */
export async function readKeyText(
  input: AsyncIterable<Buffer | string>,
  source: string,
): Promise<string> {
  const text = Buffer.alloc(keyCharacters);
  let length = 0;
  try {
    for await (const piece of input) {
      const bytes = Buffer.from(piece);
      const copied = bytes.copy(text, length);
      length += copied;
      const blank = isBlank(bytes.subarray(copied));
      bytes.fill(0);
      if (!blank) throw keyTextError(source, "something follows it");
      if (length === keyCharacters && !isKey(text)) throw keyTextError(source, "it is not base64");
    }
    if (length !== 0 && length < keyCharacters) {
      throw keyTextError(source, `it has ${counted(length, "character")}`);
    }
    return text.toString("latin1", 0, length);
  } finally {
    text.fill(0);
  }
}

/** What is wrong with a key that was read, and what a key is. */
export function keyTextError(source: string, problem: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_KEY",
    `${source} does not hold a key: ${problem}. A key is 44 characters of base64, as "wg-bridge genkey" prints it, and nothing else.`,
  );
}

function isKey(text: Buffer): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text.toString("latin1"));
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
