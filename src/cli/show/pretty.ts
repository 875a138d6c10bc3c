import type { PeerStatus } from "../../device/status.js";
import { printable } from "../../text/printable.js";
import { color } from "../color.js";
import { endpointText, fwmarkText, handshakeSeconds, prefixParts, type Shown } from "./text.js";

/** How to print the view for people. */
export interface PrettyOptions {
  /** Seconds since 1970. */
  readonly now: number;
  /** Whether to print private and preshared keys, as with WG_HIDE_KEYS=never. */
  readonly showKeys: boolean;
}

const { reset, bold, red, green, yellow, cyan } = color;

/** Formats an interface as `wg show` prints it to a terminal, in colour. */
export function formatPretty({ name, status }: Shown, options: PrettyOptions): string {
  const { privateKey, listenPort, fwmark } = status;
  const hidden = (key: { toBase64(): string }) => (options.showKeys ? key.toBase64() : "(hidden)");
  const own = [
    `${reset}${green}${bold}interface${reset}: ${green}${printable(name)}${reset}\n`,
    ...(privateKey ? [row("public key", privateKey.publicKey())] : []),
    ...(privateKey ? [row("private key", hidden(privateKey))] : []),
    ...(listenPort ? [row("listening port", listenPort)] : []),
    ...(fwmark ? [row("fwmark", fwmarkText(status))] : []),
  ];
  const peers = status.peers.toSorted(byHandshake).map((peer) => formatPeer(peer, options, hidden));
  return own.join("") + peers.map((peer) => `\n${peer}`).join("");
}

/** The latest handshake first, and peers without one last, in their given order. */
function byHandshake(one: PeerStatus, other: PeerStatus): number {
  return +(other.latestHandshake ?? 0) - +(one.latestHandshake ?? 0);
}

function formatPeer(
  peer: PeerStatus,
  { now }: PrettyOptions,
  hidden: (key: { toBase64(): string }) => string,
): string {
  const { presharedKey, persistentKeepalive, receivedBytes, sentBytes } = peer;
  const handshake = handshakeSeconds(peer);
  return [
    `${yellow}${bold}peer${reset}: ${yellow}${peer.publicKey}${reset}\n`,
    ...(presharedKey ? [row("preshared key", hidden(presharedKey))] : []),
    ...(peer.endpoint ? [row("endpoint", endpointText(peer))] : []),
    row("allowed ips", allowedIpsText(peer)),
    ...(handshake ? [row("latest handshake", ago(now - handshake))] : []),
    ...(receivedBytes || sentBytes
      ? [row("transfer", `${size(receivedBytes)} received, ${size(sentBytes)} sent`)]
      : []),
    ...(persistentKeepalive === "off"
      ? []
      : [row("persistent keepalive", `every ${duration(persistentKeepalive)}`)]),
  ].join("");
}

function row(name: string, value: string | number): string {
  return `  ${bold}${name}${reset}: ${value}\n`;
}

function allowedIpsText({ allowedIps }: PeerStatus): string {
  if (allowedIps.length === 0) return "(none)";
  return allowedIps.map((prefix) => prefixParts(prefix).join(`${cyan}/${reset}`)).join(", ");
}

function ago(seconds: number): string {
  if (seconds === 0) return "Now";
  if (seconds > 0) return `${duration(seconds)} ago`;
  return `(${red}System clock wound backward; connection problems may ensue.${reset})`;
}

const units = [
  ["year", 365 * 24 * 60 * 60],
  ["day", 24 * 60 * 60],
  ["hour", 60 * 60],
  ["minute", 60],
  ["second", 1],
] as const;

/** Formats seconds: "1 minute, 3 seconds". */
export function duration(seconds: number): string {
  let left = seconds;
  const parts = units.flatMap(([name, length]) => {
    const count = Math.floor(left / length);
    left %= length;
    return count === 0 ? [] : [`${count} ${cyan}${name}${count === 1 ? "" : "s"}${reset}`];
  });
  return parts.join(", ");
}

/** Formats bytes: "1.21 KiB". */
export function size(bytes: bigint): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (unit < names.length - 1 && bytes >= 1024n ** BigInt(unit + 1)) unit++;
  const count = unit === 0 ? String(bytes) : (Number(bytes) / 1024 ** unit).toFixed(2);
  return `${count} ${cyan}${names[unit]}${reset}`;
}
