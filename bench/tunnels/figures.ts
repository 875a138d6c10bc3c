import { type Figure, figureOf } from "../bench.js";
import { usual } from "../congestion.js";
import { flowFigures, flowLegs } from "./flows.js";
import { linkFigures, links } from "./links.js";

/** The parts of a round, in their order; each has tunnels of its own. */
export const legs = [
  "start",
  "tcp",
  "udp",
  "ping",
  "ping-bbr",
  "ping-reno",
  "tcp-9000",
  "tcp-65460",
  "handshakes",
  "peers-100",
  "peers-10000",
  "event-loop",
  ...[...links.keys()],
  ...[...flowLegs.keys()],
] as const;

/** A part of a round. */
export type Leg = (typeof legs)[number];

/** The subject of each leg, for a person. Unless it says otherwise, a tunnel has one peer. */
export const legTitles: Readonly<Record<Leg, string>> = {
  start: "Start",
  tcp: "TCP, MTU 1420, 1 peer",
  udp: "UDP, MTU 1420",
  ping: "Round trips",
  "ping-bbr": "Round trips, BBR",
  "ping-reno": "Round trips, Reno",
  "tcp-9000": "TCP, MTU 9000",
  "tcp-65460": "TCP, MTU 65460",
  handshakes: "Handshakes",
  "peers-100": "100 peers",
  "peers-10000": "10,000 peers",
  "event-loop": "Node's event loop",
  flows: "UDP flows beside a download",
  "flows-20": "UDP flows beside a download, 20 ms",
  "link-5": "Link, round trip 5 ms",
  "link-5-loss": "Link, round trip 5 ms, 0.1 % lost",
  "link-20": "Link, round trip 20 ms",
  "link-20-loss": "Link, round trip 20 ms, 0.1 % lost",
  "link-50": "Link, round trip 50 ms",
  "link-50-loss": "Link, round trip 50 ms, 0.1 % lost",
  "link-100": "Link, round trip 100 ms",
  "link-100-loss": "Link, round trip 100 ms, 0.1 % lost",
};

/** The legs that are measured only if they are asked for. */
export const onRequest: readonly Leg[] = ["ping-reno", ...links.keys(), ...flowLegs.keys()];

/** The congestion control that kernel TCP is to use in each leg; see congestion.ts. */
export const congestion: ReadonlyMap<string, string> = new Map<Leg, string>([
  ["tcp", usual],
  ["ping", usual],
  ["ping-bbr", "bbr"],
  ["ping-reno", "reno"],
  ["tcp-9000", usual],
  ["tcp-65460", usual],
  ["peers-100", usual],
  ["peers-10000", usual],
  ["event-loop", usual],
  ...[...links.keys(), ...flowLegs.keys()].map((leg): [Leg, string] => [leg, usual]),
]);

/**
 * Over IPv4 a datagram holds 65,507 bytes, 32 of them WireGuard's header and tag. An engine that does not
 * know its interface's MTU may pad a packet by 15 more: upstream's may not, as its interface moves to another
 * namespace.
 */
export const tcpMtus = new Map<Leg, number>([
  ["tcp", 1420],
  ["tcp-9000", 9000],
  ["tcp-65460", 65_460],
]);

/** The MTU of all other legs. */
export const ordinaryMtu = 1420;

/** How many peers the near tunnel has in these legs; in all others it has one. */
export const peerCounts = new Map<Leg, number>([
  ["peers-100", 100],
  ["peers-10000", 10_000],
]);

/** The rates at which UDP is offered, in Mbit/s; 0: as much as iperf3 can. */
export const offeredRates = [250, 1000, 0] as const;

/** A rate as part of an id and of a title. */
export function rateName(rate: number): string {
  return rate === 0 ? "overload" : String(rate);
}

/** Every figure, in the order in which they are shown. */
export const figures: readonly Figure[] = [
  figureOf("start", "start", "launch to UAPI answering", "ms", "less", false),
  ...[...tcpMtus].flatMap(([leg, mtu]) => [
    ...[1, 4].flatMap((streams) =>
      ["up", "down"].map((direction) => {
        const title = `${streams === 1 ? "1 stream" : "4 streams"} ${direction}`;
        return figureOf(`tcp-${mtu}-${streams}-${direction}`, leg, title, "Gbit/s", "more");
      }),
    ),
    ...(leg === "tcp"
      ? [
          figureOf("tcp-cpu", "tcp", "CPU of both daemons", "s/GB", "less"),
          figureOf("tcp-peak-memory", "tcp", "peak memory of both", "MiB", "less", false),
          figureOf("tcp-settled-memory", "tcp", "memory of both, 3 s later", "MiB", "less", false),
        ]
      : []),
  ]),
  ...offeredRates.flatMap((rate) => {
    const name = rateName(rate);
    const offered = rate === 0 ? "at overload" : `at ${rate} Mbit/s`;
    return [
      figureOf(`udp-${name}-goodput`, "udp", `goodput ${offered}`, "Gbit/s", "more"),
      figureOf(`udp-${name}-loss`, "udp", `loss ${offered}`, "%", "less"),
      figureOf(`udp-${name}-cpu`, "udp", `CPU of both ${offered}`, "s/GB", "less"),
    ];
  }),
  figureOf("udp-64", "udp", "packets of 64 bytes", "kpps", "more"),
  figureOf("udp-peak-memory", "udp", "peak memory of both", "MiB", "less", false),
  figureOf("ping-idle-median", "ping", "idle, median", "ms", "less"),
  figureOf("ping-idle-p99", "ping", "idle, p99", "ms", "less"),
  figureOf("ping-load-median", "ping", "under TCP, median", "ms", "less"),
  figureOf("ping-load-p99", "ping", "under TCP, p99", "ms", "less"),
  ...(["ping-bbr", "ping-reno"] as const).flatMap((leg) => [
    figureOf(`${leg}-load-median`, leg, "under TCP, median", "ms", "less"),
    figureOf(`${leg}-load-p99`, leg, "under TCP, p99", "ms", "less"),
  ]),
  figureOf("handshakes", "handshakes", "answered, each of a new peer", "1/s", "more"),
  ...[...peerCounts.keys()].flatMap((leg) => [
    figureOf(`${leg}-addconf`, leg, "wg addconf", "ms", "less", false),
    figureOf(`${leg}-tcp`, leg, "TCP, MTU 1420, 1 stream up", "Gbit/s", "more"),
    figureOf(`${leg}-memory`, leg, "peak memory of both, TCP", "MiB", "less", false),
  ]),
  figureOf("event-loop-tcp", "event-loop", "delay under TCP, p99", "ms", "less", false),
  figureOf("event-loop-udp", "event-loop", "delay under UDP, p99", "ms", "less", false),
  ...linkFigures,
  ...flowFigures,
];
