import type { DeviceStatus, PeerStatus } from "../../device/status.js";
import { handshakeSeconds, none, prefixText } from "../show/text.js";
import type { PeerLabels } from "./friendly-labels.js";

/** An interface, its state, and which backend serves it. */
export interface Measured {
  readonly name: string;
  readonly backend: string;
  /** Absent if the interface does not answer. */
  readonly status?: DeviceStatus;
}

/** A metric, with a value for each set of labels. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly (readonly [labels: string, value: string | number | bigint])[];
}

/**
 * Formats metrics in Prometheus' text format. The first three have the names and labels of
 * prometheus_wireguard_exporter, so that its dashboards keep working; the others are ours. Its
 * wireguard_peers_total is left out: a gauge must not have the name of a counter.
 * @param friendly further labels of peers, by public key
 * @param now in milliseconds
 */
export function formatMetrics(
  interfaces: readonly Measured[],
  friendly: ReadonlyMap<string, PeerLabels>,
  now: number,
): string {
  return families(interfaces, friendly, now).map(formatFamily).join("");
}

function families(
  interfaces: readonly Measured[],
  friendly: ReadonlyMap<string, PeerLabels>,
  now: number,
): readonly Family[] {
  const peers = interfaces.flatMap(({ name, status }) =>
    inOrder(status?.peers ?? []).map((peer) => ({ peer, text: peerLabels(name, peer, friendly) })),
  );
  const perPeer = (value: (peer: PeerStatus) => number | bigint) =>
    peers.map(({ peer, text }) => [text, value(peer)] as const);
  return [
    {
      name: "wireguard_sent_bytes_total",
      type: "counter",
      help: "Bytes sent to the peer",
      samples: perPeer((peer) => peer.sentBytes),
    },
    {
      name: "wireguard_received_bytes_total",
      type: "counter",
      help: "Bytes received from the peer",
      samples: perPeer((peer) => peer.receivedBytes),
    },
    {
      name: "wireguard_latest_handshake_seconds",
      type: "gauge",
      help: "Seconds since 1970 of the latest handshake, 0 if there was none",
      samples: perPeer(handshakeSeconds),
    },
    {
      name: "wg_bridge_handshake_age_seconds",
      type: "gauge",
      help: "Seconds since the latest handshake, for peers that have had one",
      samples: peers.flatMap(({ peer: { latestHandshake: at }, text }) =>
        at === undefined ? [] : [[text, Math.max(0, now - at.getTime()) / 1000] as const],
      ),
    },
    {
      name: "wg_bridge_interface_info",
      type: "gauge",
      help: "Which backend serves the interface",
      samples: interfaces.map(({ name, backend }) => [labels({ interface: name, backend }), 1]),
    },
    {
      name: "wg_bridge_interface_up",
      type: "gauge",
      help: "1 if the interface answers, otherwise 0",
      samples: interfaces.map(({ name, status }) => [
        labels({ interface: name }),
        status === undefined ? 0 : 1,
      ]),
    },
  ];
}

/** Sorts peers: the engine's order changes from one answer to the next. */
function inOrder(peers: readonly PeerStatus[]): readonly PeerStatus[] {
  return peers.toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
}

/** Formats one metric. */
export function formatFamily({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([text, value]) => `${name}${text} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function peerLabels(
  name: string,
  { publicKey, allowedIps }: PeerStatus,
  friendly: ReadonlyMap<string, PeerLabels>,
): string {
  return labels({
    interface: name,
    public_key: publicKey,
    allowed_ips: allowedIps.map(prefixText).join(",") || none,
    ...friendly.get(publicKey),
  });
}

/** Formats labels. Backslash, quote and line break are escaped. Source: Prometheus' exposition formats. */
export function labels(values: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replace(/[\\"\n]/g, (special) => (special === "\n" ? "\\n" : `\\${special}`));
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}
