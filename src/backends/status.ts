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
