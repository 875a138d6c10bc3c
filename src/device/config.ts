import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import type { PresharedKey, PrivateKey, PublicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";

/** The configuration of one peer, as wg(8) knows it. */
export interface PeerConfig {
  readonly publicKey: PublicKey;
  readonly presharedKey?: PresharedKey;
  readonly endpoint?: Endpoint;
  /** Absent: off. */
  readonly persistentKeepalive?: PersistentKeepalive;
  readonly allowedIps: readonly AllowedIp[];
}

/** A peer's configuration, with the key, the endpoint and the prefixes as values or as strings. */
export interface PeerInput {
  readonly publicKey: string;
  /** A key, or its text, which stays in memory until it is collected. */
  readonly presharedKey?: PresharedKey | string;
  readonly endpoint?: Endpoint | string;
  /** Absent: off. */
  readonly persistentKeepalive?: PersistentKeepalive;
  /** Absent: none. */
  readonly allowedIps?: readonly string[];
}

/** The configuration of a device, as `wg setconf` knows it. */
export interface DeviceConfig {
  readonly privateKey?: PrivateKey;
  /** UDP port, 0 to 65535. Absent or 0: the kernel chooses. */
  readonly listenPort?: number;
  /** Mark of outgoing packets, 0 to 4294967295. Absent or 0: off. */
  readonly fwmark?: number;
  readonly peers: readonly PeerConfig[];
}
