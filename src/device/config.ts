import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import type { PresharedKey, PrivateKey, PublicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";

/** What wg(8) configures of one peer. */
export interface PeerConfig {
  readonly publicKey: PublicKey;
  readonly presharedKey?: PresharedKey;
  readonly endpoint?: Endpoint;
  /** Absent is off. */
  readonly persistentKeepalive?: PersistentKeepalive;
  readonly allowedIps: readonly AllowedIp[];
}

/** A peer as a program gives it: its key, its endpoint and its prefixes may be texts. */
export interface PeerInput {
  readonly publicKey: string;
  /** Or its text, which then stays in memory until it is collected. */
  readonly presharedKey?: PresharedKey | string;
  readonly endpoint?: Endpoint | string;
  /** Absent is off. */
  readonly persistentKeepalive?: PersistentKeepalive;
  /** Absent is none. */
  readonly allowedIps?: readonly string[];
}

/** What `wg setconf` configures. */
export interface DeviceConfig {
  readonly privateKey?: PrivateKey;
  /** UDP port, 0 to 65535; absent or 0 leaves the choice to the kernel. */
  readonly listenPort?: number;
  /** Mark of outgoing packets, 0 to 4294967295; absent or 0 is off. */
  readonly fwmark?: number;
  readonly peers: readonly PeerConfig[];
}
