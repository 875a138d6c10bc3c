import { attach } from "../tunnel/open.js";
import { readSetWords } from "./set/words.js";
import { wordsError } from "./words.js";

/**
 * `wg-bridge set INTERFACE SETTING...`: the words and what they do are wg(8)'s. There are no options, since
 * a list of allowed IPs may begin with "-".
 */
export async function setCommand(args: readonly string[]): Promise<number> {
  const [name, ...words] = args;
  if (name?.startsWith("-")) throw wordsError("set", `Unknown option '${name}'`);
  if (name === undefined || words.length === 0) {
    throw wordsError("set", "It takes an interface, and what to set");
  }
  const change = await readSetWords(words);
  await using tunnel = await attach(name, { resolve: false });
  await tunnel.update(change);
  return 0;
}
