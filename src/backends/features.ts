import { WgBridgeError } from "../errors.js";
import { quote } from "../text/quote.js";

/**
 * What makes a tunnel fast, and can be disabled if a kernel or network does it wrongly.
 *
 * - tso4, tso6: many TCP segments, over IPv4 or over IPv6, cross the interface as one packet.
 * - uso: the same for UDP datagrams (Linux 6.2).
 * - udp-segment: many of WireGuard's own datagrams are sent as one, which the kernel splits (UDP_SEGMENT).
 * - udp-gro: many of them are received as one (UDP_GRO).
 * - in-flight-limit: 256 packets may be on their way through the engine, not 8,192.
 * - avx512: packets are encrypted with AVX-512, if the processor has it. While one tunnel of a process does without,
 *   none of that process uses it.
 * - aqm: TCP senders that fill the queue before the engine are slowed down, so that other packets wait less.
 */
export type TunnelFeature =
  | "tso4"
  | "tso6"
  | "uso"
  | "udp-segment"
  | "udp-gro"
  | "in-flight-limit"
  | "avx512"
  | "aqm";

const names: readonly TunnelFeature[] = [
  "tso4",
  "tso6",
  "uso",
  "udp-segment",
  "udp-gro",
  "in-flight-limit",
  "avx512",
  "aqm",
];

/**
 * Reads the features to disable: comma-separated names, or "all". An empty text names none. The names are those of
 * go/tunnel/features.go.
 * @throws WgBridgeError WG_BRIDGE_FEATURE_UNKNOWN
 */
export function parseDisabled(text: string): readonly TunnelFeature[] {
  if (text === "") return [];
  const disabled = text.split(",").flatMap((name) => (name === "all" ? names : featureOf(name)));
  return names.filter((name) => disabled.includes(name));
}

function featureOf(text: string): TunnelFeature {
  const feature = names.find((name) => name === text);
  if (feature !== undefined) return feature;
  throw new WgBridgeError(
    "WG_BRIDGE_FEATURE_UNKNOWN",
    `There is no feature ${quote(text)} to disable. Name some of ${names.join(", ")}, with commas between them, or all, in WG_BRIDGE_DISABLE or the option "disable".`,
  );
}
