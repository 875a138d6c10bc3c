import { lstatSync, statSync } from "node:fs";
import { WgBridgeError } from "../errors.js";
import { distrustOf, isOwn } from "../trust.js";

/**
 * Checks that only root and this process's user can have made the sockets in a directory: whoever
 * serves one is sent private keys.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedDirectory(directory: string): void {
  const found = distrustOf(directory, "sockets");
  if (found === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_UNTRUSTED",
    `${found.path} ${found.why}, so another user could serve ${directory} and be sent private keys. ${found.remedy} as root, and remove sockets that others have left.`,
  );
}

/**
 * Checks who has bound the socket, in a trusted directory. Node.js cannot ask a connection for its
 * SO_PEERCRED; but here only root and this user could change the owner that bind(2) gave the path.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedSocket(directory: string, path: string): void {
  requireTrustedDirectory(directory);
  for (const look of [lstatSync, statSync]) {
    const found = look(path, { throwIfNoEntry: false });
    if (found === undefined || isOwn(found)) continue;
    throw new WgBridgeError(
      "WG_BRIDGE_UNTRUSTED",
      `The UAPI socket ${path} belongs to user ${found.uid}, who is neither root nor this user and would be sent private keys. Stop the program that serves it ("ss -xlp" names it) and remove the socket; give others access to one by group and mode, not by its owner.`,
    );
  }
}
