import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import type { PresharedKey, PrivateKey, PublicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";
import type { UnknownLine } from "./status.js";

/** A change of one peer. What is absent stays as it is. A peer that does not exist is added. */
export interface PeerChange {
  readonly publicKey: PublicKey;
  /** Removes the peer. */
  readonly remove?: boolean;
  /** Changes the peer only if it exists. */
  readonly updateOnly?: boolean;
  readonly presharedKey?: PresharedKey | "remove";
  readonly endpoint?: Endpoint;
  readonly persistentKeepalive?: PersistentKeepalive;
  /** Removes all allowed IPs first. */
  readonly replaceAllowedIps?: boolean;
  /** Adds these. Each is taken away from the peer that had it. */
  readonly allowedIps?: readonly AllowedIp[];
  /** Removes these from this peer. For engines before 2025 it is translated. */
  readonly removeAllowedIps?: readonly AllowedIp[];
  readonly unknown?: readonly UnknownLine[];
}

/** A change of one peer, with the key, the endpoint and the prefixes as values or as strings. */
export interface PeerChangeInput
  extends Omit<
    PeerChange,
    "publicKey" | "presharedKey" | "endpoint" | "allowedIps" | "removeAllowedIps"
  > {
  readonly publicKey: string;
  /** A key, its text, or "remove". A text stays in memory until it is collected. */
  readonly presharedKey?: PresharedKey | string;
  readonly endpoint?: Endpoint | string;
  readonly allowedIps?: readonly string[];
  readonly removeAllowedIps?: readonly string[];
}

/** A change as update accepts it. An unknown field is refused. */
export interface DeviceChangeInput extends Omit<DeviceChange, "privateKey" | "peers"> {
  /** A key, its text, or "remove". A text stays in memory until it is collected. */
  readonly privateKey?: PrivateKey | string;
  readonly peers?: readonly PeerChangeInput[];
}

/** A change of a device: one UAPI set. What is absent stays as it is. */
export interface DeviceChange {
  /** UDP port, 0 to 65535; 0 lets the kernel choose. */
  readonly listenPort?: number;
  /** Mark of outgoing packets, 0 to 4294967295; 0 is off. */
  readonly fwmark?: number;
  readonly privateKey?: PrivateKey | "remove";
  /** Removes all peers first. */
  readonly replacePeers?: boolean;
  readonly peers?: readonly PeerChange[];
  readonly unknown?: readonly UnknownLine[];
}
