import type { Environment } from "../artifacts.js";
import { WgBridgeError } from "../errors.js";
import type { TunnelEnd } from "./backend.js";
import { parseStatus } from "./status.js";

/** Reads the line with which a tunnel's engine ended; without one, the engine died. */
export function parseTunnelEnd(name: string, line: string | undefined): TunnelEnd {
  const status = parseStatus(line ?? "");
  const { reason, fact } = status?.state === "ended" ? status : {};
  const failed = fact === undefined ? "" : ` What failed meanwhile: ${fact}`;
  switch (reason) {
    case "closed":
      return { reason, message: `The tunnel ${name} was closed.${failed}` };
    case "interface-deleted":
      return { reason, message: `The interface ${name} was deleted.${failed}` };
    case "socket-removed":
      return { reason, message: `The UAPI socket of ${name} was removed.${failed}` };
    default:
      return { reason: "lost", message: `The tunnel ${name} ended: ${line ?? "no reason given"}.` };
  }
}

/** The error of an exchange with a tunnel that has ended. */
export function endedError(end: TunnelEnd): WgBridgeError {
  const code = end.reason === "closed" ? "WG_BRIDGE_CLOSED" : "WG_BRIDGE_LOST";
  return new WgBridgeError(code, `${end.message} Start it anew to use it again.`);
}

/** The error of an exchange after close(). */
export function closedError(name: string): WgBridgeError {
  return endedError(parseTunnelEnd(name, "closed"));
}

/** The error of a tunnel that something ended in the foreground. Undefined if the log has said so. */
export function unloggedEnd(
  name: string,
  line: string | undefined,
  env: Environment,
): WgBridgeError | undefined {
  if (env.LOG_LEVEL !== "silent") return undefined;
  return new WgBridgeError("WG_BRIDGE_LOST", parseTunnelEnd(name, line).message);
}
