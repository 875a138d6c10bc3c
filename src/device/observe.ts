import { type Endpoint, formatEndpoint } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";
import type { DeviceStatus, PeerStatus } from "./status.js";

/** A handshake with a peer was completed. */
export interface HandshakeEvent {
  readonly peer: PublicKey;
  readonly at: Date;
}

/** A peer's endpoint changed: it has roamed, or was reconfigured. */
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

/** A difference between two polls of a device. */
export type Observation =
  | readonly ["handshake", HandshakeEvent]
  | readonly ["endpoint", EndpointEvent]
  | readonly ["silent", SilentEvent];

/** The age at which a session's keys are refused: REJECT_AFTER_TIME of the WireGuard paper, in milliseconds. */
export const silence = 180_000;

/**
 * Returns what happened to the peers since the previous poll. `now`, and `at` of the previous poll, are in
 * milliseconds. Without a previous poll only silences are reported. Each silence is reported once. A peer that
 * never had a handshake is new, not silent.
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
  const changes: Observation[] = [];
  if (latestHandshake !== undefined && +latestHandshake !== +(earlier?.latestHandshake ?? 0)) {
    changes.push(["handshake", { peer: publicKey, at: latestHandshake }]);
  }
  const previous = earlier?.endpoint;
  if (earlier !== undefined && endpoint !== undefined && !same(endpoint, previous)) {
    changes.push(["endpoint", { peer: publicKey, endpoint, previous }]);
  }
  return changes;
}

function same(endpoint: Endpoint, other: Endpoint | undefined): boolean {
  return other !== undefined && formatEndpoint(endpoint) === formatEndpoint(other);
}

function silenceOf(
  earlier: PeerStatus | undefined,
  { publicKey, latestHandshake }: PeerStatus,
  pollBefore: number | undefined,
  now: number,
): Observation[] {
  if (latestHandshake === undefined || now - +latestHandshake < silence) return [];
  const reported =
    pollBefore !== undefined &&
    +(earlier?.latestHandshake ?? Number.NaN) === +latestHandshake &&
    pollBefore - +latestHandshake >= silence;
  return reported ? [] : [["silent", { peer: publicKey, latestHandshake }]];
}
