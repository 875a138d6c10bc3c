import type { DeviceStatus, PeerStatus } from "../device/status.js";
import { exchangeTimeout } from "../uapi/socket.js";
import { argumentError, readArguments } from "./arguments.js";
import { readShown } from "./show/read.js";
import { endpointText, fwmarkText, prefixText } from "./show/text.js";

/** `wg-bridge showconf INTERFACE`. */
export async function showconfCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = readArguments("showconf", args).positionals;
  if (name === undefined || rest.length > 0) throw argumentError("showconf", "Give one interface");
  const { status } = await readShown(name, exchangeTimeout);
  process.stdout.write(formatShowconf(status));
  return 0;
}

/** Formats a configuration byte for byte as `wg showconf` does: with private and preshared keys. */
export function formatShowconf(status: DeviceStatus): string {
  const own = [
    ...(status.listenPort ? [`ListenPort = ${status.listenPort}`] : []),
    ...(status.fwmark ? [`FwMark = ${fwmarkText(status)}`] : []),
    ...(status.privateKey ? [`PrivateKey = ${status.privateKey.toBase64()}`] : []),
  ];
  return `${["[Interface]", ...own].join("\n")}\n\n${status.peers.map(peerText).join("\n")}`;
}

function peerText(peer: PeerStatus): string {
  const { allowedIps, persistentKeepalive } = peer;
  const lines = [
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    ...(peer.presharedKey ? [`PresharedKey = ${peer.presharedKey.toBase64()}`] : []),
    ...(allowedIps.length > 0 ? [`AllowedIPs = ${allowedIps.map(prefixText).join(", ")}`] : []),
    ...(peer.endpoint ? [`Endpoint = ${endpointText(peer)}`] : []),
    ...(persistentKeepalive === "off" ? [] : [`PersistentKeepalive = ${persistentKeepalive}`]),
  ];
  return `${lines.join("\n")}\n`;
}
