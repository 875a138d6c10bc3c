import { fstatSync } from "node:fs";
import { counted } from "../counted.js";
import { WgBridgeError } from "../errors.js";
import { PresharedKey, PrivateKey } from "../values/key.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge genkey`. */
export async function genkeyCommand(args: readonly string[]): Promise<number> {
  return generate("genkey", args, () => PrivateKey.generate());
}

/** `wg-bridge genpsk`. */
export async function genpskCommand(args: readonly string[]): Promise<number> {
  return generate("genpsk", args, () => PresharedKey.generate());
}

/** `wg-bridge pubkey`: takes and refuses what `wg pubkey` does. */
export async function pubkeyCommand(args: readonly string[]): Promise<number> {
  takesNone("pubkey", args);
  const key = await readPrivateKey();
  process.stdout.write(`${key.publicKey()}\n`);
  key.destroy();
  return 0;
}

function generate(
  verb: string,
  args: readonly string[],
  make: () => PrivateKey | PresharedKey,
): number {
  takesNone(verb, args);
  const { mode } = fstatSync(1);
  const isRegular = (mode & 0o170000) === 0o100000;
  if (isRegular && (mode & 0o007) !== 0) {
    process.stderr.write(
      "Warning: writing to world accessible file.\nConsider setting the umask to 077 and trying again.\n",
    );
  }
  process.stdout.write(`${make().toBase64()}\n`);
  return 0;
}

function takesNone(verb: string, args: readonly string[]): void {
  if (readWords(verb, args, {}).positionals.length > 0) throw wordsError(verb, "It takes no words");
}

/** How long a key is in base64. */
const keyCharacters = 44;

/**
 * The key on standard input. As for wg(8) it comes first, and only white space and zeros may follow:
 * who pours something else in is refused at once.
 */
async function readPrivateKey(): Promise<PrivateKey> {
  const text = Buffer.alloc(keyCharacters);
  let length = 0;
  let key: PrivateKey | undefined;
  try {
    for await (const piece of process.stdin) {
      const bytes = Buffer.from(piece);
      const taken = bytes.copy(text, length);
      length += taken;
      const blank = isBlank(bytes.subarray(taken));
      bytes.fill(0);
      if (!blank) throw keyTextError("more follows it");
      if (length === keyCharacters) key ??= PrivateKey.from(text.toString("latin1"));
    }
  } finally {
    text.fill(0);
  }
  // UAPI's hexadecimal spelling is none of wg(8)'s.
  if (key === undefined) throw keyTextError(`it has ${counted(length, "character")}`);
  return key;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function keyTextError(fault: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_KEY",
    `Standard input is no private key: ${fault}. A key is 44 characters of base64, as "wg-bridge genkey" prints it, and nothing else.`,
  );
}
