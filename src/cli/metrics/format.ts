import type { DeviceStatus, PeerStatus } from "../../device/status.js";
import { handshakeSeconds, none, prefixText } from "../show/text.js";
import type { PeerLabels } from "./friendly-labels.js";

/** An interface, and which backend serves it. */
export interface Measured {
  readonly name: string;
  readonly backend: string;
  /** Absent where the interface does not say it. */
  readonly status?: DeviceStatus;
}

/** One metric: what it is, and its value for each set of labels. */
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly (readonly [labels: string, value: string | number | bigint])[];
}

/**
 * Metrics in Prometheus' text format. The three of each peer have the names and labels that
 * prometheus_wireguard_exporter gives them, so that its dashboards go on; the others are ours. Its
 * wireguard_peers_total is left out: a gauge must not be named like a counter. `friendly` has peers'
 * further labels by public key; `now` is in milliseconds.
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
      help: "Seconds since 1970 of the latest handshake, 0 where there was none",
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
      help: "Whether the interface says its state: 1, or 0 where its program does not answer",
      samples: interfaces.map(({ name, status }) => [
        labels({ interface: name }),
        status === undefined ? 0 : 1,
      ]),
    },
  ];
}

/** The engine's order changes from one answer to the next. */
function inOrder(peers: readonly PeerStatus[]): readonly PeerStatus[] {
  return peers.toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
}

function formatFamily({ name, type, help, samples }: Family): string {
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

/** Source: Prometheus' exposition formats: backslash, quote and line break are escaped. */
export function labels(values: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replace(/[\\"\n]/g, (special) => (special === "\n" ? "\\n" : `\\${special}`));
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}
