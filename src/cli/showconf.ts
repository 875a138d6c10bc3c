import { WgBridgeError } from "../errors.js";
import { formatShowconf } from "./show/conf.js";
import { readShown } from "./show/read.js";

/** `wg-bridge showconf INTERFACE`. */
export async function showconfCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || rest.length > 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      "showconf takes one interface: see wg-bridge showconf --help.",
    );
  }
  const { status } = await readShown(name);
  process.stdout.write(formatShowconf(status));
  return 0;
}
