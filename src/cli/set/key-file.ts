import { createReadStream } from "node:fs";
import { base64, isZeroKey } from "../../config/field-value.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { type KeyText, readKeyText } from "../key-text.js";

/**
 * Returns the text of the key in a file, which can also be a pipe; "remove" if the file is empty, such as
 * /dev/null, or its key is all zeros: that is how wg(8) is told to remove a key.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if the file cannot be read, WG_BRIDGE_KEY if it holds no key
 */
export async function readKeyFile(path: string): Promise<string | "remove"> {
  const key = await readText(path);
  if ("fault" in key) {
    throw new WgBridgeError(
      "WG_BRIDGE_KEY",
      `The file ${path} holds no key: ${key.fault}. A key is 44 characters of base64, as "wg-bridge genkey" prints it, and nothing else; an empty file removes it.`,
    );
  }
  return key.text === "" || isZeroKey(key.text) ? "remove" : base64(key.text);
}

async function readText(path: string): Promise<KeyText> {
  try {
    return await readKeyText(createReadStream(path));
  } catch (error) {
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      `The key file ${path} cannot be read (${messageOf(error)}). Check the path, and run as a user who may read it.`,
      { cause: error },
    );
  }
}
