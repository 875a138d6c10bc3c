import { types } from "node:util";
import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/** The text of a configuration file, which may be given as its bytes; undefined for anything else. */
export function fileText(file: unknown): string | undefined {
  if (typeof file === "string") return file;
  if (!types.isUint8Array(file)) return undefined;
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("utf8");
}

/**
 * Returns the text of a configuration file.
 * @throws WgBridgeError WG_BRIDGE_CONFIG for what is no text
 */
export function checkFileText(file: string | Uint8Array): string {
  const text = fileText(file);
  if (text !== undefined) return text;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `The configuration is ${describe(file)}: give the text of a file, or its bytes.`,
  );
}
