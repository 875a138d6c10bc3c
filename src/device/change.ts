import type { AllowedIp } from "../values/allowed-ip.js";
import type { Endpoint } from "../values/endpoint.js";
import type { PresharedKey, PrivateKey, PublicKey } from "../values/key.js";
import type { PersistentKeepalive } from "../values/number.js";
import type { UnknownLine } from "./status.js";

/** One change of a peer. What is absent stays as it is; a peer that is new is added. */
export interface PeerChange {
  readonly publicKey: PublicKey;
  /** Removes the peer. */
  readonly remove?: boolean;
  /** Changes the peer only where it exists. */
  readonly updateOnly?: boolean;
  readonly presharedKey?: PresharedKey | "remove";
  readonly endpoint?: Endpoint;
  readonly persistentKeepalive?: PersistentKeepalive;
  /** Removes all allowed IPs first. */
  readonly replaceAllowedIps?: boolean;
  /** Adds these; each is taken from the peer that had it. */
  readonly allowedIps?: readonly AllowedIp[];
  /** Removes these from this peer. Engines before 2025 do not know it. */
  readonly removeAllowedIps?: readonly AllowedIp[];
  readonly unknown?: readonly UnknownLine[];
}

/** A change of a peer as a program gives it: its key, its endpoint and its prefixes may be texts. */
export interface PeerChangeInput
  extends Omit<
    PeerChange,
    "publicKey" | "presharedKey" | "endpoint" | "allowedIps" | "removeAllowedIps"
  > {
  readonly publicKey: string;
  /** A key, its text, or "remove". */
  readonly presharedKey?: PresharedKey | string;
  readonly endpoint?: Endpoint | string;
  readonly allowedIps?: readonly string[];
  readonly removeAllowedIps?: readonly string[];
}

/** A change as a program gives it. A field of another name is refused. */
export interface DeviceChangeInput extends Omit<DeviceChange, "privateKey" | "peers"> {
  /** A key, its text, or "remove". */
  readonly privateKey?: PrivateKey | string;
  readonly peers?: readonly PeerChangeInput[];
}

/** One change of a device, made at once: one UAPI set. What is absent stays as it is. */
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
