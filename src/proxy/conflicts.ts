import {
  formatSocketAddress,
  isLocal,
  isSocketPath,
  type ListenAddress,
  type Protocol,
} from "./address.js";

/** What one part of a spec asks for, and what messages call that part. */
export type Claim = { readonly label: string } & (
  | {
      readonly kind: "socks5" | "http";
      readonly listen: ListenAddress;
      readonly hasUsers: boolean;
    }
  | { readonly kind: "forward"; readonly protocol: Protocol; readonly listen: ListenAddress }
  | { readonly kind: "metrics"; readonly listen: ListenAddress }
  | { readonly kind: "expose"; readonly protocol: Protocol; readonly port: number }
);

/** Why a claim cannot be granted. */
export interface Conflict {
  readonly claim: Claim;
  /** Each kind has a remedy of its own. */
  readonly kind: "exposed proxy" | "exposed forward" | "taken" | "taken port";
  /** A sentence without a capital and a full stop. */
  readonly problem: string;
}

/**
 * Finds the claims that would let everybody use the tunnel, unless that is wanted, and those that ask for what an
 * earlier claim has. SOCKS5 and HTTP may share an address: the first byte that a client sends tells them apart.
 */
export function findConflicts(claims: readonly Claim[], open: boolean): readonly Conflict[] {
  const taken = new Map<string, Claim[]>();
  return claims.flatMap((claim) => {
    const conflicts = open ? [] : exposure(claim);
    const place = placeOf(claim);
    if (place === undefined) return conflicts;
    const before = taken.get(place) ?? [];
    const other = before.find((earlier) => !mayShare(earlier, claim));
    taken.set(place, [...before, claim]);
    return other === undefined ? conflicts : [...conflicts, collision(claim, other)];
  });
}

function exposure(claim: Claim): readonly Conflict[] {
  if (claim.kind === "expose" || claim.kind === "metrics" || isLocal(claim.listen)) return [];
  const address = formatSocketAddress(claim.listen);
  const start = `${address} is not a loopback address, and everybody who reaches it could use`;
  if (claim.kind === "forward") {
    return [{ claim, kind: "exposed forward", problem: `${start} this forward` }];
  }
  if (claim.hasUsers) return [];
  return [{ claim, kind: "exposed proxy", problem: `${start} the tunnel, since it has no users` }];
}

/** Returns a text that two claims have in common only if they ask for the same. Port 0 is never the same. */
function placeOf(claim: Claim): string | undefined {
  if (claim.kind === "expose") return `tunnel ${claim.protocol} ${claim.port}`;
  if (isSocketPath(claim.listen)) return claim.listen.path;
  const protocol = claim.kind === "forward" ? claim.protocol : "tcp";
  return claim.listen.port === 0 ? undefined : `${protocol} ${formatSocketAddress(claim.listen)}`;
}

function mayShare(one: Claim, other: Claim): boolean {
  const kinds = [one.kind, other.kind];
  return kinds.includes("socks5") && kinds.includes("http");
}

function collision(claim: Claim, other: Claim): Conflict {
  if (claim.kind === "expose") {
    const problem = `${other.label} has port ${claim.port} of the tunnel already`;
    return { claim, kind: "taken port", problem };
  }
  const problem = `${other.label} listens on ${formatSocketAddress(claim.listen)} already`;
  return { claim, kind: "taken", problem };
}
