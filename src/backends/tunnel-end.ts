import { WgBridgeError } from "../errors.js";
import type { TunnelEnd } from "./backend.js";

/**
 * Reads the line in which the engine says why a tunnel ended: "REASON" or "REASON: what failed".
 * No line at all means that the engine died.
 */
export function parseTunnelEnd(name: string, line: string | undefined): TunnelEnd {
  const [, word, detail] = /^([a-z-]+)(?:: (.*))?$/.exec(line ?? "") ?? [];
  const failed = detail === undefined ? "" : ` What failed meanwhile: ${detail}`;
  switch (word) {
    case "closed":
      return { reason: word, message: `The tunnel ${name} was closed.${failed}` };
    case "interface-deleted":
      return { reason: word, message: `The interface ${name} was deleted.${failed}` };
    case "socket-removed":
      return { reason: word, message: `The UAPI socket of ${name} was removed.${failed}` };
    default:
      return { reason: "lost", message: `The tunnel ${name} ended: ${line ?? "no reason given"}.` };
  }
}

/** The error of an exchange with a tunnel that has ended. */
export function endedError(end: TunnelEnd): WgBridgeError {
  const code = end.reason === "closed" ? "WG_BRIDGE_CLOSED" : "WG_BRIDGE_LOST";
  return new WgBridgeError(code, `${end.message} Start it anew to use it again.`);
}
