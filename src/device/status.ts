import type { PersistentKeepalive } from "../values/number.js";
import type { DeviceConfig, PeerConfig } from "./config.js";

/** A UAPI line whose key wg-bridge does not know. */
export type UnknownLine = readonly [key: string, value: string];

/** The state of one peer. */
export interface PeerStatus extends PeerConfig {
  readonly persistentKeepalive: PersistentKeepalive;
  /** Absent: there was none. */
  readonly latestHandshake?: Date;
  /** Bytes received from the peer and sent to it, counted on UDP. */
  readonly receivedBytes: bigint;
  readonly sentBytes: bigint;
  readonly protocolVersion?: number;
  readonly unknown: readonly UnknownLine[];
}

/** The state of a device. Absent: not set, or off. */
export interface DeviceStatus extends DeviceConfig {
  /** In no particular order: the engine's order changes from one answer to the next. */
  readonly peers: readonly PeerStatus[];
  readonly unknown: readonly UnknownLine[];
}
