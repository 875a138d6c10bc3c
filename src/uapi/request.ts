import { WgBridgeError } from "../errors.js";

/** The request for a device's status. Not to be written into. */
export const getRequest: Uint8Array = Buffer.from("get=1\n\n");

/** The request for what an engine of wg-bridge is: an operation of its own. Not to be written into. */
export const aboutRequest: Uint8Array = Buffer.from("wg_bridge=1\n\n");

/**
 * Returns the request, not a copy, if it is exactly one UAPI operation: "get=1", or "set=1" and lines, and one blank
 * line at its end; or aboutRequest. Anything else would leave a socket's two ends waiting for each other, or be dropped in part: for
 * the engine a line of "\r" is blank too.
 * Source: https://www.wireguard.com/xplatform/#configuration-protocol
 * @throws WgBridgeError WG_BRIDGE_ENGINE. The message does not repeat the request: it holds keys.
 */
export function checkRequest(request: Uint8Array): Buffer {
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  if (bytes.equals(aboutRequest)) return bytes;
  const operation = bytes.toString("latin1", 0, 6);
  const known = operation === "set=1\n" || (operation === "get=1\n" && bytes.length === 7);
  if (!known || bytes.indexOf("\n\n") !== bytes.length - 2 || bytes.includes("\n\r\n")) {
    throw new WgBridgeError(
      "WG_BRIDGE_ENGINE",
      'This is not one UAPI request. Begin with "get=1" or "set=1", end with the only blank line.',
    );
  }
  return bytes;
}
