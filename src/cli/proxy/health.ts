import { destroySecrets } from "../../device/secrets.js";
import { WgBridgeError } from "../../errors.js";
import { formatSocketAddress, type HostPort } from "../../proxy/address.js";
import type { ProxyCounts } from "../../userspace/proxy.js";
import type { NetworkStats } from "../../userspace/tunnel.js";
import { type Family, formatFamily, formatMetrics, labels } from "../metrics/format.js";
import { listenError, metricsServer } from "../metrics/server.js";
import { offersOf, type Subject } from "./offers.js";

/** The longest wait for an answer to a ping, in milliseconds. */
const pingTimeout = 5000;

/** Serves /metrics and /readyz until it is disposed of. */
export async function serveHealth(
  { host, port }: HostPort,
  subject: Subject,
): Promise<Disposable & { readonly address: HostPort }> {
  const server = metricsServer(
    [host],
    () => collect(subject),
    undefined,
    () => readiness(subject),
  );
  const listen = formatSocketAddress({ host, port });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(listen, error)));
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return {
    address:
      typeof bound === "object" && bound !== null ? { host, port: bound.port } : { host, port },
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * Returns a line for each peer. The tunnel is ready if its engine answers, and each host of CheckAlive does.
 * @throws why it is not
 */
async function readiness({ tunnel, checkAlive }: Subject): Promise<string> {
  const { addresses = [], interval = 0 } = checkAlive ?? {};
  const timeout = Math.max(1, Math.min(interval * 1000, pingTimeout));
  await Promise.all(
    addresses.map(async (address) => {
      try {
        await tunnel.ping(address, { timeout });
      } catch (cause) {
        throw new WgBridgeError("WG_BRIDGE_NETWORK", `${address} does not answer pings.`, {
          cause,
        });
      }
    }),
  );
  const status = await tunnel.status(); // last: the pings may have made the handshake
  destroySecrets(status);
  const ages = status.peers.map(({ publicKey, latestHandshake }) => {
    const age = latestHandshake && Math.round((Date.now() - latestHandshake.getTime()) / 1000);
    return `${publicKey} ${age === undefined ? "no handshake yet" : `handshake ${age} s ago`}\n`;
  });
  return ages.join("");
}

async function collect({ tunnel, proxy, spec }: Subject): Promise<string> {
  const [status, stats, counts] = await Promise.all([
    tunnel.status(),
    tunnel.stats(),
    proxy.stats(),
  ]);
  destroySecrets(status);
  const measured = { name: tunnel.name, backend: tunnel.backend, status };
  const proxies = offersOf(proxy.addresses, spec, counts).map(({ kind, listen, counts }) => ({
    counts,
    text: labels({ kind, listen }),
  }));
  const families = [...proxyFamilies(proxies), ...networkFamilies(stats)];
  return formatMetrics([measured], new Map(), Date.now()) + families.map(formatFamily).join("");
}

type Counted = { readonly counts: ProxyCounts; readonly text: string };

function proxyFamilies(proxies: readonly Counted[]): readonly Family[] {
  const family = (
    name: string,
    type: Family["type"],
    help: string,
    read: (counts: ProxyCounts) => number,
  ): Family => ({
    name: `wg_bridge_proxy_${name}`,
    type,
    help,
    samples: proxies.map(({ counts, text }) => [text, read(counts)] as const),
  });
  return [
    family("connections_total", "counter", "Connections of clients", (one) => one.accepted),
    family("connections", "gauge", "Connections of clients that are open", (one) => one.active),
    family("refused_total", "counter", "Connections over the limit", (one) => one.refused),
    family("denied_total", "counter", "Clients without the right password", (one) => one.denied),
    family("failed_total", "counter", "Targets that could not be reached", (one) => one.failed),
    family("sent_bytes_total", "counter", "Bytes from clients", (one) => one.sentBytes),
    family("received_bytes_total", "counter", "Bytes to clients", (one) => one.receivedBytes),
    family(
      "datagrams_dropped_total",
      "counter",
      "Datagrams that went nowhere",
      (one) => one.datagramsDropped,
    ),
  ];
}

const lookupReasons = [
  ["notFound", "not_found"],
  ["noServer", "no_server"],
  ["timedOut", "timeout"],
  ["unreachable", "unreachable"],
  ["serverFailed", "server_failure"],
] as const;

function networkFamilies(stats: NetworkStats): readonly Family[] {
  const family = (name: string, type: Family["type"], help: string, value: number): Family => ({
    name: `wg_bridge_network_${name}`,
    type,
    help,
    samples: [["", value]],
  });
  return [
    family(
      "retransmissions_total",
      "counter",
      "TCP segments that were sent again",
      stats.retransmissions,
    ),
    family(
      "failed_connections_total",
      "counter",
      "Connections that could not be made",
      stats.failedConnections,
    ),
    {
      name: "wg_bridge_network_failed_lookups_total",
      type: "counter",
      help: "Names that could not be looked up in the tunnel",
      samples: lookupReasons.map(
        ([field, reason]) => [labels({ reason }), stats.failedLookups[field]] as const,
      ),
    },
    family("memory_bytes", "gauge", "Memory that the engine has from the system", stats.memory),
  ];
}
