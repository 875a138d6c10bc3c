import type { Config } from "../config/config.js";
import type { DeviceConfig } from "../device/config.js";
import type { ConfigInput } from "./options.js";

/** What a configuration asks of the device, and of the interface. */
export interface Wanted {
  readonly device: DeviceConfig;
  readonly addresses: readonly string[];
  readonly mtu?: number;
}

/**
 * Reads a configuration in any form.
 * @throws ConfigError for a text
 */
export async function readInput(input: ConfigInput): Promise<Wanted> {
  const config = typeof input === "string" ? await parse(input) : input;
  if (!isConfig(config)) return { device: config, addresses: [] };
  const { addresses, mtu } = config;
  return { device: config, addresses, ...(mtu === undefined ? {} : { mtu }) };
}

async function parse(text: string): Promise<Config> {
  const { parseConfig } = await import("../config/parse.js");
  return parseConfig(text);
}

function isConfig(config: Config | DeviceConfig): config is Config {
  return "addresses" in config;
}
