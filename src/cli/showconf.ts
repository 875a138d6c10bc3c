import { exchangeTimeout } from "../uapi/deadline.js";
import { formatShowconf } from "./show/conf.js";
import { readShown } from "./show/read.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge showconf INTERFACE`. */
export async function showconfCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = readWords("showconf", args, {}).positionals;
  if (name === undefined || rest.length > 0) throw wordsError("showconf", "It takes one interface");
  const { status } = await readShown(name, exchangeTimeout);
  process.stdout.write(formatShowconf(status));
  return 0;
}
