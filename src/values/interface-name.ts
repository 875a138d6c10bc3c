import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/** The maximum length of an interface name in bytes: Linux's IFNAMSIZ (16) without the terminating NUL. */
export const maxInterfaceNameBytes = 15;

/**
 * Returns the name if Linux accepts it for a network interface (dev_valid_name in net/core/dev.c).
 * @throws WgBridgeError WG_BRIDGE_INTERFACE_NAME if it is empty, longer than 15 bytes, "." or "..", or
 *   contains "/", ":", white space or NUL
 */
export function checkInterfaceName(name: string): string {
  const problem = typeof name === "string" ? problemOf(name) : "is not a string";
  if (problem !== undefined) {
    throw new WgBridgeError(
      "WG_BRIDGE_INTERFACE_NAME",
      `The interface name ${describe(name)} ${problem}. Use 1 to 15 bytes without "/", ":" or white space, for example wg0.`,
    );
  }
  return name;
}

/** Reports whether Linux accepts the name for a network interface. */
export function isInterfaceName(name: string): boolean {
  return problemOf(name) === undefined;
}

function problemOf(name: string): string | undefined {
  if (name === "") return "is empty";
  const bytes = Buffer.byteLength(name);
  if (bytes > maxInterfaceNameBytes) {
    return `is ${bytes} bytes long: Linux allows ${maxInterfaceNameBytes}`;
  }
  if (name === "." || name === "..") return "is a directory's name";
  if (name.includes("\0")) return "holds a NUL";
  if (name.includes("/")) return 'holds "/"';
  if (name.includes(":")) return 'holds ":"';
  if (/\s/u.test(name)) return "holds white space";
  return undefined;
}
