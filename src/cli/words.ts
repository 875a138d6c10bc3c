import { type ParseArgsConfig, parseArgs } from "node:util";
import { messageOf, WgBridgeError } from "../errors.js";
import { redact } from "../text/redact.js";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>
>;

/**
 * Reads what follows a verb: options anywhere, "--" before words that begin with "-".
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function readWords<T extends Options>(
  verb: string,
  args: readonly string[],
  options: T,
): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    // Node.js goes on about positional arguments after its first sentence.
    const [sentence] = messageOf(cause).split(". ");
    throw wordsError(verb, sentence?.replace(/\.$/, "") ?? "");
  }
}

/** What is wrong with a verb's words, and where to look. */
export function wordsError(verb: string, fault: string): WgBridgeError {
  return new WgBridgeError("WG_BRIDGE_VALUE", `${redact(fault)}: see wg-bridge ${verb} --help.`);
}
