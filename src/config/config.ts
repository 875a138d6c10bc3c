import type { DeviceConfig } from "../device/config.js";

/** An interface's address, with the length of its network's prefix or without: "10.0.0.2/24". */
export type InterfaceAddress = string;

/** What a file of wg-quick(8) says: wg(8)'s part, and what only wg-quick does. */
export interface Config extends DeviceConfig {
  readonly addresses: readonly InterfaceAddress[];
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
