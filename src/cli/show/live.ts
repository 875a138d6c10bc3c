import type { PeerStatus } from "../../device/status.js";
import { printable } from "../../text/printable.js";
import { counted } from "../../text/quote.js";
import { color } from "../color.js";
import type { RateHistory } from "./rates.js";
import { formatTable, rateCells, rateTitles } from "./table.js";
import { endpointText, type Shown } from "./text.js";

const { reset, bold, green } = color;

/** Formats an interface: a line for itself, a header, and a line for each peer. */
export function formatLive({ name, status }: Shown, rates: RateHistory, now: number): string[] {
  const port = status.listenPort === undefined ? "" : `, port ${status.listenPort}`;
  const rows = status.peers
    .toSorted((one, other) => (one.publicKey < other.publicKey ? -1 : 1))
    .map((peer) => cells(peer, rates, now));
  return [
    `${green}${bold}${printable(name)}${reset}${port}, ${counted(status.peers.length, "peer")}`,
    ...formatTable(["peer", "endpoint", "handshake", ...rateTitles], rows),
  ];
}

function cells(peer: PeerStatus, rates: RateHistory, now: number): readonly string[] {
  return [
    `${peer.publicKey.slice(0, 8)}…`,
    endpointText(peer),
    ageText(peer, now),
    ...rateCells(rates.of(peer.publicKey)),
  ];
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
