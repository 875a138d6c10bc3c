import { inNamespace, run } from "../suite/commands.js";
import type { Endpoint, EndpointPeer } from "./endpoint.js";
import { captureReceiver, type Flood } from "./flood.js";
import { serverNamespace, setSysctl } from "./namespaces.js";
import { limitUplink } from "./qdisc.js";
import type { Row } from "./result.js";
import { peerOf, type Site } from "./site.js";

/** The payload that fills a packet of the usual MTU, in bytes. */
const ordinarySize = 1392;

/** Datagrams a second: so many that several are waiting each time a program reads. */
export const ordinaryRate = 40_000;

/** The same for larger datagrams, which cost more. */
export const largeRate = 20_000;

/** A case in which packets pile up. */
export interface MemoryRow extends Row {
  /** The MTU of the server's interface, in bytes. */
  readonly mtu: number;
  /** Added to the server's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Configures the server, which runs with its interface up, and its peers. Resolves with the flood to send. */
  readonly prepare: (site: Site, server: Endpoint) => Promise<Flood>;
}

/**
 * Returns every case.
 * @param rate datagrams a second in every flood, instead of each row's own
 */
export function memoryRows(rate?: number): MemoryRow[] {
  const [ordinary, large] = [rate ?? ordinaryRate, rate ?? largeRate];
  return [
    hub(20, ordinary),
    offline(10, 1420, 1.5, ordinary),
    withoutOffloads(offline(10, 1420, 1.5, ordinary)),
    offline(1, 1420, 5, ordinary),
    offline(1, 9000, 5, ordinary),
    offline(1, 65_000, 5, large),
    slow(1, large),
    slow(3, large),
    garbage("valid", ordinary),
    garbage("random", ordinary),
    destinations(1000, ordinary),
  ];
}

/** Returns the row with all of our offloads off. Other programs ignore the variable. */
function withoutOffloads(row: MemoryRow): MemoryRow {
  return {
    ...row,
    id: `${row.id}-no-offloads`,
    title: `${row.title}, all offloads off`,
    env: { WG_BRIDGE_DISABLE: "all" },
  };
}

/** A client floods offline clients of a hub, one after the other. */
function hub(clients: number, rate: number): MemoryRow {
  return {
    id: `hub-${clients}`,
    title: `a client floods ${clients} offline clients through a hub`,
    offered: offeredText(rate, ordinarySize, 1, clients),
    mtu: 1420,
    prepare: async (site, server) => {
      await setSysctl(serverNamespace, "net/ipv4/ip_forward", 1);
      const client = await site.startPeer(0, 1, 1420);
      await server.configure([
        { key: client.endpoint.key, allowedIps: `${client.address}/32` },
        // They have not connected since the hub started, so it does not know their endpoints.
        ...Array.from({ length: clients }, (_, index) => ({
          allowedIps: `10.101.0.${index + 1}/32`,
        })),
      ]);
      await client.connect(server, "10.0.0.0/8");
      return {
        namespace: client.namespace,
        to: "10.101.0.1:9",
        destinations: clients,
        each: true,
        size: ordinarySize,
        rate,
        seconds: 1,
      };
    },
  };
}

/** The host floods peers that do not answer, one after the other, for some seconds each. */
export function offline(peers: number, mtu: number, seconds: number, rate: number): MemoryRow {
  const size = mtu - 28;
  return {
    id: peers === 1 ? `offline-mtu-${mtu}` : `offline-${peers}`,
    title: peers === 1 ? `one offline peer, MTU ${mtu}` : `${peers} offline peers`,
    offered: offeredText(rate, size, seconds, peers),
    mtu,
    prepare: async (_site, server) => {
      await server.configure(Array.from({ length: peers }, (_, index) => offlinePeer(index)));
      return {
        namespace: serverNamespace,
        to: "10.101.0.1:9",
        destinations: peers,
        each: true,
        size,
        rate,
        seconds,
      };
    },
  };
}

/** The host floods peers that share an uplink of 4 Mbit/s, a datagram to each in turn. */
function slow(peers: number, rate: number): MemoryRow {
  const size = 8900;
  return {
    id: `slow-${peers}`,
    title: `${peers === 1 ? "one peer" : `${peers} peers`} behind 4 Mbit/s, MTU 9000`,
    offered: offeredText(rate, size, 8),
    mtu: 9000,
    prepare: async (site, server) => {
      const ends = [];
      for (let number = 1; number <= peers; number++) {
        ends.push(await site.startPeer(0, number, 9000));
      }
      await server.configure(ends.map(peerOf));
      for (const end of ends) await end.connect(server, `${site.serverAddress}/32`);
      await limitUplink(site.uplink(0), "htb-pfifo", 4);
      return {
        namespace: serverNamespace,
        to: `${ends[0]?.address}:9`,
        destinations: peers,
        size,
        rate,
        seconds: 8,
      };
    },
  };
}

/** An attacker floods the server with data messages that are not authentic. */
function garbage(index: "valid" | "random", rate: number): MemoryRow {
  return {
    id: `garbage-${index}`,
    title: `data messages of garbage, ${index} receiver index${index === "valid" ? "" : "es"}`,
    offered: offeredText(rate, ordinarySize, 5),
    mtu: 1420,
    prepare: async (site, server) => {
      const peer = await site.startPeer(0, 1, 1420);
      await server.configure([{ key: peer.endpoint.key, allowedIps: `${peer.address}/32` }]);
      await peer.connect(server, `${site.serverAddress}/32`);
      const words = ["ping", "-c", "3", "-i", "0.2", site.serverAddress];
      const receiver =
        index === "random"
          ? index
          : await captureReceiver(serverNamespace, site.serverPort, () =>
              run(...inNamespace(peer.namespace, ...words)),
            );
      return {
        namespace: peer.namespace,
        to: site.serverEndpoint(0),
        size: ordinarySize,
        rate,
        seconds: 5,
        receiver,
      };
    },
  };
}

/** The host floods many addresses behind one offline peer, a datagram to each in turn. */
function destinations(count: number, rate: number): MemoryRow {
  return {
    id: `destinations-${count}`,
    title: `${count} destinations of one offline peer`,
    offered: offeredText(rate, ordinarySize, 5),
    mtu: 1420,
    prepare: async (_site, server) => {
      await server.configure([{ ...offlinePeer(0), allowedIps: "10.0.0.0/8" }]);
      return {
        namespace: serverNamespace,
        to: "10.101.0.1:9",
        destinations: count,
        size: ordinarySize,
        rate,
        seconds: 5,
      };
    },
  };
}

/** A peer whose endpoint receives datagrams and never answers. */
function offlinePeer(index: number): EndpointPeer {
  return { endpoint: `192.0.2.${index + 1}:51820`, allowedIps: `10.101.0.${index + 1}/32` };
}

function offeredText(rate: number, size: number, seconds: number, each = 1): string {
  const time = each === 1 ? `${seconds} s` : `${seconds} s each`;
  return `${rate} datagrams/s of ${size} bytes, ${time}`;
}
