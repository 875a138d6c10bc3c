import { fstatSync } from "node:fs";
import { text } from "node:stream/consumers";
import { WgBridgeError } from "../errors.js";
import { PresharedKey, PrivateKey } from "../values/key.js";

/** `wg-bridge genkey`. */
export async function genkeyCommand(args: readonly string[]): Promise<number> {
  return generate("genkey", args, () => PrivateKey.generate());
}

/** `wg-bridge genpsk`. */
export async function genpskCommand(args: readonly string[]): Promise<number> {
  return generate("genpsk", args, () => PresharedKey.generate());
}

/** `wg-bridge pubkey`. */
export async function pubkeyCommand(args: readonly string[]): Promise<number> {
  refuseWords("pubkey", args);
  const input = (await text(process.stdin)).trim();
  // wg(8) takes base64 alone.
  const key = PrivateKey.from(input.length === 64 ? "" : input);
  process.stdout.write(`${key.publicKey()}\n`);
  return 0;
}

function generate(
  verb: string,
  args: readonly string[],
  make: () => PrivateKey | PresharedKey,
): number {
  refuseWords(verb, args);
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

function refuseWords(verb: string, args: readonly string[]): void {
  if (args.length === 0) return;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${verb} takes no words: see wg-bridge ${verb} --help.`,
  );
}
