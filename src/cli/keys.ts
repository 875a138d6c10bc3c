import { fstatSync } from "node:fs";
import { PresharedKey, PrivateKey } from "../values/key.js";
import { argumentError, readArguments } from "./arguments.js";
import { keyTextError, readKeyText } from "./key-text.js";

/** `wg-bridge genkey`. */
export async function genkeyCommand(args: readonly string[]): Promise<number> {
  return generate("genkey", args, () => PrivateKey.generate());
}

/** `wg-bridge genpsk`. */
export async function genpskCommand(args: readonly string[]): Promise<number> {
  return generate("genpsk", args, () => PresharedKey.generate());
}

/** `wg-bridge pubkey`: accepts and refuses what `wg pubkey` does. */
export async function pubkeyCommand(args: readonly string[]): Promise<number> {
  refuseOperands("pubkey", args);
  const source = "Standard input";
  const text = await readKeyText(process.stdin, source);
  if (text === "") throw keyTextError(source, "it is empty");
  const key = PrivateKey.from(text);
  process.stdout.write(`${key.publicKey()}\n`);
  key.destroy();
  return 0;
}

function generate(
  name: "genkey" | "genpsk",
  args: readonly string[],
  make: () => PrivateKey | PresharedKey,
): number {
  refuseOperands(name, args);
  const { mode } = fstatSync(1);
  // On Windows a mode says nothing.
  const isRegular = (mode & 0o170000) === 0o100000 && process.platform !== "win32";
  if (isRegular && (mode & 0o007) !== 0) {
    process.stderr.write(
      "Warning: writing to world accessible file.\nConsider setting the umask to 077 and trying again.\n",
    );
  }
  process.stdout.write(`${make().toBase64()}\n`);
  return 0;
}

function refuseOperands(name: "genkey" | "genpsk" | "pubkey", args: readonly string[]): void {
  if (readArguments(name, args).positionals.length > 0) {
    throw argumentError(name, "Give no arguments");
  }
}
