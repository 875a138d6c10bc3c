import { parseConfig } from "../config/parse.js";
import type { DeviceChange } from "../device/change.js";
import type { DeviceConfig } from "../device/config.js";
import { attach } from "../tunnel/open.js";
import type { Tunnel } from "../tunnel/tunnel.js";
import { argumentError, readArguments } from "./arguments.js";
import { readConfig } from "./read-config.js";

/** `wg-bridge syncconf INTERFACE FILE`: changes only what differs. The file may be wg-quick(8)'s too. */
export async function syncconfCommand(args: readonly string[]): Promise<number> {
  return configure("syncconf", args, (tunnel, text) => tunnel.apply(text));
}

/** `wg-bridge setconf INTERFACE FILE`: removes what the file does not name, and drops every session. */
export async function setconfCommand(args: readonly string[]): Promise<number> {
  return configure("setconf", args, (tunnel, text) => {
    const config = parseConfig(text);
    return tunnel.update({
      privateKey: config.privateKey ?? "remove",
      listenPort: config.listenPort ?? 0,
      fwmark: config.fwmark ?? 0,
      replacePeers: true,
      peers: peersOf(config),
    });
  });
}

/** `wg-bridge addconf INTERFACE FILE`: keeps what the file does not name. */
export async function addconfCommand(args: readonly string[]): Promise<number> {
  return configure("addconf", args, (tunnel, text) => {
    const config = parseConfig(text);
    const { privateKey, listenPort, fwmark } = config;
    return tunnel.update({
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(listenPort === undefined ? {} : { listenPort }),
      ...(fwmark === undefined ? {} : { fwmark }),
      peers: peersOf(config),
    });
  });
}

async function configure(
  name: "setconf" | "addconf" | "syncconf",
  args: readonly string[],
  change: (tunnel: Tunnel, text: string) => Promise<void>,
): Promise<number> {
  const [device, file, ...rest] = readArguments(name, args).positionals;
  if (device === undefined || file === undefined || rest.length > 0) {
    throw argumentError(name, "Give an interface and a file");
  }
  const text = await readConfig(file);
  await using tunnel = await attach(device, { resolve: false });
  await change(tunnel, text);
  return 0;
}

/** As in wg(8), a section lists all allowed IPs of its peer. */
function peersOf({ peers }: DeviceConfig): NonNullable<DeviceChange["peers"]> {
  return peers.map((peer) => ({ ...peer, replaceAllowedIps: true }));
}
