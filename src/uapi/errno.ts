import { constants } from "node:os";
import { WgBridgeError } from "../errors.js";

/** EADDRINUSE: what the engine answers where its UDP port is taken. */
export const addressInUse = constants.errno.EADDRINUSE;

/** The name of an errno, as errno(3) spells it; the engine has some of its own for UAPI. */
export function errnoName(errno: number): string {
  const entry = Object.entries(constants.errno).find(([, value]) => value === errno);
  return entry === undefined ? `errno ${errno}` : entry[0];
}

/** The error for an answer with an errno. `what` says what was refused: "read", "change". */
export function refusedError(what: string, errno: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_REFUSED",
    `The engine refused to ${what} the device: ${errnoName(errno)}. Its log tells more with log level "error" or "verbose".`,
  );
}
