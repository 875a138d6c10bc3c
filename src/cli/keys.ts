import { fstatSync } from "node:fs";
import { WgBridgeError } from "../errors.js";
import { PresharedKey, PrivateKey } from "../values/key.js";
import { readKeyText } from "./key-text.js";
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

async function readPrivateKey(): Promise<PrivateKey> {
  const key = await readKeyText(process.stdin);
  if ("fault" in key) throw keyTextError(key.fault);
  if (key.text === "") throw keyTextError("it has 0 characters");
  return PrivateKey.from(key.text);
}

function keyTextError(fault: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_KEY",
    `Standard input is no private key: ${fault}. A key is 44 characters of base64, as "wg-bridge genkey" prints it, and nothing else.`,
  );
}
