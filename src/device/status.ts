import type { PersistentKeepalive } from "../values/number.js";
import type { DeviceConfig, PeerConfig } from "./config.js";

/** A line of UAPI whose key wg-bridge does not know. */
export type UnknownLine = readonly [key: string, value: string];

/** What a device says of one peer. */
export interface PeerStatus extends PeerConfig {
  readonly persistentKeepalive: PersistentKeepalive;
  /** Absent where there has been none. */
  readonly latestHandshake?: Date;
  /** Bytes received from the peer and sent to it, as they went over UDP. */
  readonly receivedBytes: bigint;
  readonly sentBytes: bigint;
  readonly protocolVersion?: number;
  readonly unknown: readonly UnknownLine[];
}

/** What a device says of itself. Absent is not set, or off. */
export interface DeviceStatus extends DeviceConfig {
  /** In no order: the engine's changes from one answer to the next. */
  readonly peers: readonly PeerStatus[];
  readonly unknown: readonly UnknownLine[];
}
