import type { PeerStatus } from "../../device/status.js";
import {
  endpointText,
  fwmarkText,
  handshakeSeconds,
  none,
  prefixText,
  type Shown,
} from "./text.js";

/** The fields of `wg show INTERFACE FIELD`. */
export const fields = [
  "public-key",
  "private-key",
  "listen-port",
  "fwmark",
  "peers",
  "preshared-keys",
  "endpoints",
  "allowed-ips",
  "latest-handshakes",
  "transfer",
  "persistent-keepalive",
  "dump",
] as const;

export type ShowField = (typeof fields)[number];

/**
 * Formats one field of an interface byte for byte as wg(8) does. If `named`, each line begins with the
 * interface's name, as in `wg show all`.
 */
export function formatField(shown: Shown, field: ShowField, named: boolean): string {
  const prefix = named ? `${shown.name}\t` : "";
  // wg(8) prints the name once before endpoints, and on each line of every other field.
  const [once, each] = field === "endpoints" ? [prefix, ""] : ["", prefix];
  return (
    once +
    lines(shown, field)
      .map((line) => `${each}${line}\n`)
      .join("")
  );
}

function lines({ status }: Shown, field: ShowField): readonly string[] {
  const peers = (text: (peer: PeerStatus) => string) =>
    status.peers.map((peer) => `${peer.publicKey}\t${text(peer)}`);
  switch (field) {
    case "public-key":
      return [status.privateKey?.publicKey() ?? none];
    case "private-key":
      return [status.privateKey?.toBase64() ?? none];
    case "listen-port":
      return [String(status.listenPort ?? 0)];
    case "fwmark":
      return [fwmarkText(status)];
    case "peers":
      return status.peers.map(({ publicKey }) => publicKey);
    case "preshared-keys":
      return peers((peer) => peer.presharedKey?.toBase64() ?? none);
    case "endpoints":
      return peers(endpointText);
    case "allowed-ips":
      return peers((peer) => peer.allowedIps.map(prefixText).join(" ") || none);
    case "latest-handshakes":
      return peers((peer) => String(handshakeSeconds(peer)));
    case "transfer":
      return peers((peer) => `${peer.receivedBytes}\t${peer.sentBytes}`);
    case "persistent-keepalive":
      return peers((peer) => String(peer.persistentKeepalive));
    case "dump":
      return dump({ status });
  }
}

function dump({ status }: Pick<Shown, "status">): readonly string[] {
  const own = [
    status.privateKey?.toBase64() ?? none,
    status.privateKey?.publicKey() ?? none,
    status.listenPort ?? 0,
    fwmarkText(status),
  ];
  return [own.join("\t"), ...status.peers.map(dumpPeer)];
}

function dumpPeer(peer: PeerStatus): string {
  return [
    peer.publicKey,
    peer.presharedKey?.toBase64() ?? none,
    endpointText(peer),
    peer.allowedIps.map(prefixText).join(",") || none,
    handshakeSeconds(peer),
    peer.receivedBytes,
    peer.sentBytes,
    peer.persistentKeepalive,
  ].join("\t");
}
