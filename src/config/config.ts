import type { DeviceConfig, PeerInput } from "../device/config.js";
import type { PrivateKey } from "../values/key.js";

/** The content of a file for wg-quick(8): the part that wg(8) reads, and the part for wg-quick alone. */
export interface Config extends DeviceConfig {
  /** The interface's addresses, each with or without the prefix length of its network: "10.0.0.2/24". */
  readonly addresses: readonly string[];
  /** Addresses of name servers, and search domains, as they are in the file. */
  readonly dns: readonly string[];
  /** In bytes. If it is absent, wg-quick derives it from the route to the endpoints. */
  readonly mtu?: number;
  /** The routing table for the allowed IPs: "off", "auto", a number or a name. Absent means "auto". */
  readonly table?: string;
  /** Shell commands. In them, %i stands for the interface's name. */
  readonly preUp: readonly string[];
  readonly postUp: readonly string[];
  readonly preDown: readonly string[];
  readonly postDown: readonly string[];
  /** Makes wg-quick write the state back to the file when it takes the interface down. */
  readonly saveConfig: boolean;
}

/**
 * A configuration as a program gives it. Every field may be absent, and keys, endpoints and prefixes may
 * be plain strings, which are checked when they are given. A field of another name is refused.
 */
export interface ConfigFields extends Partial<Omit<Config, "privateKey" | "peers">> {
  /** The key or its text, which stays in memory until it is collected. */
  readonly privateKey?: PrivateKey | string;
  readonly peers?: readonly PeerInput[];
}

/** A device's configuration as a program gives it. Peers that are not in it are removed. */
export interface DeviceInput extends ConfigFields {
  readonly peers: readonly PeerInput[];
}
