import { parseConfig } from "../config/parse.js";
import type { DeviceChange } from "../device/change.js";
import type { DeviceConfig } from "../device/config.js";
import { attach } from "../tunnel/open.js";
import { readConfig } from "./syncconf.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge setconf INTERFACE FILE`: what the file does not name goes, and so does every session. */
export async function setconfCommand(args: readonly string[]): Promise<number> {
  return change("setconf", args, (config) => ({
    privateKey: config.privateKey ?? "remove",
    listenPort: config.listenPort ?? 0,
    fwmark: config.fwmark ?? 0,
    replacePeers: true,
    peers: peersOf(config),
  }));
}

/** `wg-bridge addconf INTERFACE FILE`: what the file does not name stays. */
export async function addconfCommand(args: readonly string[]): Promise<number> {
  return change("addconf", args, (config) => {
    const { privateKey, listenPort, fwmark } = config;
    return {
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(listenPort === undefined ? {} : { listenPort }),
      ...(fwmark === undefined ? {} : { fwmark }),
      peers: peersOf(config),
    };
  });
}

async function change(
  verb: string,
  args: readonly string[],
  changeOf: (config: DeviceConfig) => DeviceChange,
): Promise<number> {
  const [name, file, ...rest] = readWords(verb, args, {}).positionals;
  if (name === undefined || file === undefined || rest.length > 0) {
    throw wordsError(verb, "It takes an interface and a file");
  }
  const config = parseConfig(await readConfig(file));
  await using tunnel = await attach(name, { resolve: false });
  await tunnel.update(changeOf(config));
  return 0;
}

/** As for wg(8) a section has all allowed IPs of its peer. */
function peersOf({ peers }: DeviceConfig): NonNullable<DeviceChange["peers"]> {
  return peers.map((peer) => ({ ...peer, replaceAllowedIps: true }));
}
