import type { PeerStatus } from "../../device/status.js";
import { handshakeSeconds, prefixText, type Shown } from "../show/text.js";

/** An interface, its state, and which backend serves it. */
export interface Measured extends Shown {
  readonly backend: string;
}

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly string[];
}

/**
 * Metrics in Prometheus' text format. The three of each peer have the names and labels that
 * prometheus_wireguard_exporter gives them, so that its dashboards go on; the others are ours. `now` is
 * in milliseconds.
 */
export function formatMetrics(interfaces: readonly Measured[], now: number): string {
  return families(interfaces, now).map(formatFamily).join("");
}

function families(interfaces: readonly Measured[], now: number): readonly Family[] {
  const perPeer = (
    name: string,
    value: (peer: PeerStatus) => string | number | bigint | undefined,
  ) =>
    interfaces.flatMap((shown) =>
      shown.status.peers.flatMap((peer) => {
        const measured = value(peer);
        return measured === undefined ? [] : [`${name}${peerLabels(shown.name, peer)} ${measured}`];
      }),
    );
  const sent = "wireguard_sent_bytes_total";
  const received = "wireguard_received_bytes_total";
  const handshake = "wireguard_latest_handshake_seconds";
  const age = "wg_bridge_handshake_age_seconds";
  const info = "wg_bridge_interface_info";
  return [
    {
      name: sent,
      type: "counter",
      help: "Bytes sent to the peer",
      samples: perPeer(sent, (peer) => peer.sentBytes),
    },
    {
      name: received,
      type: "counter",
      help: "Bytes received from the peer",
      samples: perPeer(received, (peer) => peer.receivedBytes),
    },
    {
      name: handshake,
      type: "gauge",
      help: "UNIX timestamp seconds of the last handshake",
      samples: perPeer(handshake, handshakeSeconds),
    },
    {
      name: age,
      type: "gauge",
      help: "Seconds since the last handshake, for peers that have had one",
      samples: perPeer(age, ({ latestHandshake }) =>
        latestHandshake === undefined ? undefined : (now - +latestHandshake) / 1000,
      ),
    },
    {
      name: info,
      type: "gauge",
      help: "Which backend serves the interface",
      samples: interfaces.map(
        ({ name, backend }) => `${info}${labels({ interface: name, backend })} 1`,
      ),
    },
  ];
}

function formatFamily({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return "";
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join("\n")}\n`;
}

function peerLabels(name: string, { publicKey, allowedIps }: PeerStatus): string {
  const allowed = allowedIps.map(prefixText).join(",");
  return labels({ interface: name, public_key: publicKey, allowed_ips: allowed });
}

/** Source: Prometheus' exposition formats: backslash, quote and line break are escaped. */
export function labels(values: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replace(/[\\"\n]/g, (special) => (special === "\n" ? "\\n" : `\\${special}`));
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}
