import type { PeerConfig } from "../device/config.js";
import { formatEndpoint } from "../values/endpoint.js";
import type { Config } from "./config.js";

/** A new file for wg-quick(8), private keys included. */
export function formatConfig(config: Config): string {
  return [["[Interface]", ...interfaceLines(config)], ...config.peers.map(peerLines)]
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
}

function interfaceLines(config: Config): readonly string[] {
  const hooks = (name: string, commands: readonly string[]) =>
    commands.map((command) => `${name} = ${command}`);
  return [
    ...field("PrivateKey", config.privateKey?.toBase64()),
    ...field("ListenPort", config.listenPort),
    ...field("FwMark", config.fwmark === undefined ? undefined : `0x${config.fwmark.toString(16)}`),
    ...list("Address", config.addresses),
    ...list("DNS", config.dns),
    ...field("MTU", config.mtu),
    ...field("Table", config.table),
    ...hooks("PreUp", config.preUp),
    ...hooks("PostUp", config.postUp),
    ...hooks("PreDown", config.preDown),
    ...hooks("PostDown", config.postDown),
    ...field("SaveConfig", config.saveConfig ? "true" : undefined),
  ];
}

/** The lines of a peer's section, its header included. */
export function peerLines(peer: PeerConfig): readonly string[] {
  const { endpoint } = peer;
  return [
    "[Peer]",
    ...field("PublicKey", peer.publicKey),
    ...field("PresharedKey", peer.presharedKey?.toBase64()),
    ...list("AllowedIPs", peer.allowedIps),
    ...field("Endpoint", endpoint === undefined ? undefined : formatEndpoint(endpoint)),
    ...field("PersistentKeepalive", peer.persistentKeepalive),
  ];
}

function field(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [`${name} = ${value}`];
}

function list(name: string, entries: readonly string[]): readonly string[] {
  return entries.length === 0 ? [] : [`${name} = ${entries.join(", ")}`];
}
