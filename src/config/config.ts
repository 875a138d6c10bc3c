import type { DeviceConfig, PeerInput } from "../device/config.js";
import type { PrivateKey } from "../values/key.js";

/** What a file of wg-quick(8) says: wg(8)'s part, and what only wg-quick does. */
export interface Config extends DeviceConfig {
  /** The interface's, each with the length of its network's prefix or without: "10.0.0.2/24". */
  readonly addresses: readonly string[];
  /** Addresses of name servers and search domains, as they stand in the file. */
  readonly dns: readonly string[];
  /** Bytes. Absent: wg-quick derives it from the route to the endpoints. */
  readonly mtu?: number;
  /** The routing table of the allowed IPs: "off", "auto", a number or a name. Absent is "auto". */
  readonly table?: string;
  /** Shell commands, in which %i stands for the interface's name. */
  readonly preUp: readonly string[];
  readonly postUp: readonly string[];
  readonly preDown: readonly string[];
  readonly postDown: readonly string[];
  /** wg-quick writes the state back into the file when it takes the interface down. */
  readonly saveConfig: boolean;
}

/**
 * A configuration as a program gives it: all may be absent, and keys, endpoints and prefixes may be
 * texts. A field of another name is refused.
 */
export interface ConfigFields extends Partial<Omit<Config, "privateKey" | "peers">> {
  /** Or its text, which then stays in memory until it is collected. */
  readonly privateKey?: PrivateKey | string;
  readonly peers?: readonly PeerInput[];
}

/** The same for a device, which says at least its peers: those that are not among them go. */
export interface DeviceInput extends ConfigFields {
  readonly peers: readonly PeerInput[];
}
