import type { Environment } from "../artifacts.js";
import { WgBridgeError } from "../errors.js";
import type { ForegroundEnd, TunnelEnd } from "./backend.js";

/** Why a tunnel could not start. */
export interface Failure {
  /** A WgBridgeErrorCode. */
  readonly code: string;
  /** Absent if the fact comes from TypeScript: it is a whole sentence then, and says what to do. */
  readonly errno?: number;
  /** One line. */
  readonly fact: string;
}

/**
 * What one line about a tunnel's state says: UAPI answers on the interface of this name; there is no tunnel; or the
 * tunnel has ended, perhaps because something failed. go/status is the same in Go.
 */
export type Status =
  | { readonly state: "ready"; readonly name: string }
  | { readonly state: "failed"; readonly failure: Failure }
  | { readonly state: "ended"; readonly reason: string; readonly fact?: string };

/** Reads "ready NAME", "CODE ERRNO: FACT", "CODE: FACT", "REASON" or "REASON: FACT". Undefined: it is none of these. */
export function parseStatus(line: string): Status | undefined {
  const ready = /^ready (.+)$/.exec(line);
  if (ready?.[1] !== undefined) return { state: "ready", name: ready[1] };
  const [, code, errno, why] = /^(WG_BRIDGE_[A-Z_]+)(?: (\d{1,4}))?: (.*)$/.exec(line) ?? [];
  if (code !== undefined && why !== undefined) {
    const failure = { code, ...(errno === undefined ? {} : { errno: Number(errno) }), fact: why };
    return { state: "failed", failure };
  }
  const [, reason, fact] = /^([a-z-]+)(?:: (.*))?$/.exec(line) ?? [];
  if (reason === undefined) return undefined;
  return { state: "ended", reason, ...(fact === undefined ? {} : { fact }) };
}

/** Writes what parseStatus reads. */
export function formatStatus(status: Status): string {
  switch (status.state) {
    case "ready":
      return `ready ${status.name}`;
    case "failed": {
      const { code, errno, fact } = status.failure;
      return `${code}${errno === undefined ? "" : ` ${errno}`}: ${oneLine(fact)}`;
    }
    case "ended":
      return status.reason + (status.fact === undefined ? "" : `: ${oneLine(status.fact)}`);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]+/g, " ");
}

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

/** What is left to say of a tunnel in the foreground that ended because something failed: nothing, if it was logged. */
export function unloggedEnd(
  name: string,
  line: string | undefined,
  env: Environment,
): Omit<ForegroundEnd, "exitCode"> {
  if (env.LOG_LEVEL !== "silent") return {};
  const { message } = parseTunnelEnd(name, line);
  return { error: new WgBridgeError("WG_BRIDGE_LOST", message), isOnStatus: true };
}
