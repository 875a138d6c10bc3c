import type { PeerConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import { WgBridgeError } from "../errors.js";
import { configFields } from "../input/config.js";
import { inputError } from "../input/reader.js";
import { checkEndpoint, formatEndpoint } from "../values/endpoint.js";
import type { ConfigFields } from "./config.js";
import { endBeforeSpace, skipSpace } from "./lines.js";

/**
 * Writes a new file for wg-quick(8), private keys included. Only the public keys of peers are required.
 * @throws WgBridgeError WG_BRIDGE_CONFIG for a string that would not be read back as it is, because it
 *   contains a line break or "#", or in a list a comma or white space; WG_BRIDGE_KEY,
 *   WG_BRIDGE_ENDPOINT, WG_BRIDGE_ALLOWED_IP, WG_BRIDGE_NETWORK or WG_BRIDGE_VALUE for a value that is
 *   not valid
 */
export function formatConfig(config: ConfigFields): string {
  const read = configFields(config, () => "config");
  try {
    return [["[Interface]", ...interfaceLines(read)], ...(read.peers ?? []).map(peerLines)]
      .map((lines) => `${lines.join("\n")}\n`)
      .join("\n");
  } finally {
    destroySecrets(read);
  }
}

function interfaceLines(config: ReturnType<typeof configFields>): readonly string[] {
  const hooks = (name: string, commands: readonly string[] = []) =>
    commands.flatMap((command) => field(name, command));
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

/** Returns the lines of a peer's section, its header included. Throws as formatConfig does. */
export function peerLines(peer: PeerConfig): readonly string[] {
  const { endpoint } = peer;
  return [
    "[Peer]",
    ...field("PublicKey", peer.publicKey),
    ...field("PresharedKey", peer.presharedKey?.toBase64()),
    ...list("AllowedIPs", peer.allowedIps),
    ...field(
      "Endpoint",
      endpoint === undefined ? undefined : formatEndpoint(checkEndpoint(endpoint)),
    ),
    ...field("PersistentKeepalive", peer.persistentKeepalive),
  ];
}

/**
 * Returns the value of a field if a file can hold it, so that it is read back as it is.
 * @throws WgBridgeError WG_BRIDGE_CONFIG. The message does not repeat the value.
 */
export function checkValue(name: string, value: string): string {
  if (typeof value !== "string") throw inputError(() => `The value of ${name}`, value, "a string");
  const trimmed = value.slice(
    skipSpace(value, 0, value.length),
    endBeforeSpace(value, 0, value.length),
  );
  if (value !== "" && value === trimmed && !/[\n\0#]/.test(value)) return value;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `A value of ${name} cannot be written to a configuration file: it is empty, begins or ends with white space, or contains a line break or "#", which begins a comment. Put a command that needs one of these into a script.`,
  );
}

function field(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [`${name} = ${checkValue(name, String(value))}`];
}

function list(name: string, entries: readonly string[] = []): readonly string[] {
  if (entries.length === 0) return [];
  const broken = entries.some((entry) => entry === "" || /[\s,]/.test(entry));
  const value = checkValue(name, entries.join(", "));
  if (!broken) return [`${name} = ${value}`];
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `An entry of ${name} cannot be written to a list: it is empty, or contains a comma or white space.`,
  );
}
