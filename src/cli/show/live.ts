import type { PeerStatus } from "../../device/status.js";
import { printable } from "../../text/printable.js";
import { counted } from "../../text/quote.js";
import { color } from "../color.js";
import { type RateHistory, sparkline } from "./rates.js";
import { endpointText, type Shown } from "./text.js";

const { reset, bold, green, yellow, cyan } = color;

/** Formats an interface: a line for itself, a header, and a line for each peer. */
export function formatLive({ name, status }: Shown, rates: RateHistory, now: number): string[] {
  const port = status.listenPort === undefined ? "" : `, port ${status.listenPort}`;
  const header = ["peer", "endpoint", "handshake", "received", "", "sent", ""];
  const rows = status.peers
    .toSorted((one, other) => (one.publicKey < other.publicKey ? -1 : 1))
    .map((peer) => cells(peer, rates, now));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    `${green}${bold}${printable(name)}${reset}${port}, ${counted(status.peers.length, "peer")}`,
    `${bold}${line(header)}${reset}`,
    ...rows.map((row) => paint(line(row))),
  ];
}

function cells(peer: PeerStatus, rates: RateHistory, now: number): readonly string[] {
  const { received, sent } = rates.of(peer.publicKey);
  return [
    `${peer.publicKey.slice(0, 8)}…`,
    endpointText(peer),
    ageText(peer, now),
    rateText(received.at(-1)),
    sparkline(received),
    rateText(sent.at(-1)),
    sparkline(sent),
  ];
}

/** Colours the peer's name and the bars. */
function paint(line: string): string {
  return line
    .replace(/^\S+/, (name) => `${yellow}${name}${reset}`)
    .replace(/[▁-█]+/g, (bars) => `${cyan}${bars}${reset}`);
}

function ageText({ latestHandshake }: PeerStatus, now: number): string {
  if (latestHandshake === undefined) return "never";
  const seconds = Math.max(0, Math.floor((now - +latestHandshake) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}

/** Formats bytes a second; "" if there is no rate yet. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return "";
  const units = ["B/s", "KiB/s", "MiB/s", "GiB/s"];
  let unit = 0;
  while (unit < units.length - 1 && rate >= 1024 ** (unit + 1)) unit++;
  return `${(rate / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
