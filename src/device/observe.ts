import { type Endpoint, formatEndpoint } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";
import type { DeviceStatus, PeerStatus } from "./status.js";

/** A handshake with a peer was completed. */
export interface HandshakeEvent {
  readonly peer: PublicKey;
  readonly at: Date;
}

/** A peer is reached at another endpoint: it has roamed, or was configured anew. */
export interface EndpointEvent {
  readonly peer: PublicKey;
  readonly endpoint: Endpoint;
  readonly previous: Endpoint | undefined;
}

/** A peer has had no handshake for 180 seconds. */
export interface SilentEvent {
  readonly peer: PublicKey;
  readonly latestHandshake: Date;
}

/** What differs between two looks at a device. */
export type Observation =
  | readonly ["handshake", HandshakeEvent]
  | readonly ["endpoint", EndpointEvent]
  | readonly ["silent", SilentEvent];

/** After so long a session's keys are refused: REJECT_AFTER_TIME of the WireGuard paper, in milliseconds. */
export const silence = 180_000;

/**
 * Tells what happened to the peers since the look before. `now`, and `at` of the look before,
 * are in milliseconds. Without a look before only silences are told, each once: a peer that never had a
 * handshake is not silent, but new.
 */
export function observe(
  previous: { readonly status: DeviceStatus; readonly at: number } | undefined,
  current: DeviceStatus,
  now: number,
): readonly Observation[] {
  const before = new Map(previous?.status.peers.map((peer) => [peer.publicKey, peer]));
  return current.peers.flatMap((peer) => {
    const earlier = before.get(peer.publicKey);
    return [
      ...(previous === undefined ? [] : changesOf(earlier, peer)),
      ...silenceOf(earlier, peer, previous?.at, now),
    ];
  });
}

function changesOf(earlier: PeerStatus | undefined, peer: PeerStatus): Observation[] {
  const { publicKey, latestHandshake, endpoint } = peer;
  const seen: Observation[] = [];
  if (latestHandshake !== undefined && +latestHandshake !== +(earlier?.latestHandshake ?? 0)) {
    seen.push(["handshake", { peer: publicKey, at: latestHandshake }]);
  }
  const previous = earlier?.endpoint;
  if (earlier !== undefined && endpoint !== undefined && !same(endpoint, previous)) {
    seen.push(["endpoint", { peer: publicKey, endpoint, previous }]);
  }
  return seen;
}

function same(endpoint: Endpoint, other: Endpoint | undefined): boolean {
  return other !== undefined && formatEndpoint(endpoint) === formatEndpoint(other);
}

function silenceOf(
  earlier: PeerStatus | undefined,
  { publicKey, latestHandshake }: PeerStatus,
  then: number | undefined,
  now: number,
): Observation[] {
  if (latestHandshake === undefined || now - +latestHandshake < silence) return [];
  const told =
    then !== undefined &&
    +(earlier?.latestHandshake ?? Number.NaN) === +latestHandshake &&
    then - +latestHandshake >= silence;
  return told ? [] : [["silent", { peer: publicKey, latestHandshake }]];
}
