import { text } from "node:stream/consumers";
import { readConfigFile } from "../config/file.js";
import { attach } from "../tunnel/open.js";
import { say } from "./say.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge syncconf INTERFACE FILE`. The file may be wg(8)'s or wg-quick(8)'s; "-" is standard input. */
export async function syncconfCommand(args: readonly string[]): Promise<number> {
  const [name, file, ...rest] = readWords("syncconf", args, {}).positionals;
  if (name === undefined || file === undefined || rest.length > 0) {
    throw wordsError("syncconf", "It takes an interface and a file");
  }
  const config = await readConfig(file);
  await using tunnel = await attach(name, { resolve: false });
  await tunnel.apply(config);
  return 0;
}

/** Reads a configuration and says its warnings. */
export async function readConfig(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  const { text: config, warnings } = await readConfigFile(file);
  for (const warning of warnings) say(`Warning: ${warning}`);
  return config;
}
