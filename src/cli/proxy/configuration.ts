import type { Config } from "../../config/config.js";
import { parseConfig } from "../../config/parse.js";
import { destroySecrets } from "../../device/secrets.js";
import { type CommandSpec, commandSpec } from "../../proxy/command-spec.js";
import type { ProxyOptions } from "../../proxy/options.js";
import { readUserFiles } from "../../proxy/user-files.js";
import {
  isWireproxyFile,
  parseWireguardFile,
  parseWireproxy,
  wireguardFile,
} from "../../proxy/wireproxy/parse.js";
import type { CheckAlive, WireguardPart } from "../../proxy/wireproxy/wireguard.js";
import { readConfig } from "../read-config.js";

/** What the options and all files together ask for. */
export interface ProxyConfiguration extends CommandSpec {
  /** Its secrets belong to the caller. */
  readonly config: Config;
  readonly checkAlive?: CheckAlive;
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/** Reads the configuration, for wg-quick or of wireproxy, and the files that it and the options name. */
export async function readProxyConfiguration(
  file: string,
  options: ProxyOptions,
  env: NodeJS.ProcessEnv,
): Promise<ProxyConfiguration> {
  const users = await readUserFiles(options);
  const text = await readConfig(file);
  const { part, listeners, warnings } = await readText(file, text, options, env);
  try {
    const { config, checkAlive } = part;
    return {
      ...commandSpec(options, users, listeners),
      config: { ...config, dns: serversOf(config, options) },
      ...(checkAlive && { checkAlive }),
      warnings: [...warnings, ...dnsWarnings(config, options)],
    };
  } catch (error) {
    destroySecrets(part.config);
    throw error;
  }
}

/** With --host-dns nobody asks the servers in the tunnel, which may not be reachable. */
function serversOf({ dns }: Config, options: ProxyOptions): readonly string[] {
  if (options.hostDns) return [];
  return options.dns.length > 0 ? options.dns : dns;
}

async function readText(
  file: string,
  text: string,
  { open, auth, dns, hostDns }: ProxyOptions,
  env: NodeJS.ProcessEnv,
): Promise<{
  readonly part: WireguardPart;
  readonly listeners?: Parameters<typeof commandSpec>[2];
  readonly warnings: readonly string[];
}> {
  if (!isWireproxyFile(text)) return { part: { config: parseConfig(text) }, warnings: [] };
  const reading = {
    env,
    open,
    hasUsers: auth !== undefined,
    hasDns: dns.length > 0 || hostDns,
  };
  const { wireguard, warnings, ...listeners } = parseWireproxy(text, reading);
  if ("config" in wireguard) return { part: wireguard, listeners, warnings };
  const other = await readConfig(wireguardFile(file, wireguard.file));
  const { warnings: more, ...part } = parseWireguardFile(other, reading);
  return { part, listeners, warnings: [...warnings, ...more] };
}

function dnsWarnings({ dns }: Config, options: ProxyOptions): readonly string[] {
  if (options.hostDns) {
    return [
      "--host-dns: this machine's resolver, and whoever sees its questions, learns where clients go.",
    ];
  }
  if (dns.length > 0 || options.dns.length > 0) return [];
  return [
    "The configuration names no DNS server, so that only addresses can be reached. Add DNS to [Interface], or give --dns=ADDRESS.",
  ];
}
