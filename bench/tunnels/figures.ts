/** What the bench measures of a program. */
export interface Figure {
  /** As in the JSON: "tcp-1420-1-up". */
  readonly id: string;
  /** The leg that it is measured in. */
  readonly leg: Leg;
  readonly title: string;
  readonly unit: Unit;
  /** Whether a program is the better one with more of it, or with less. */
  readonly better: "more" | "less";
  /** Whether it is about packets that cross a tunnel: there ffi and exec run the same code. */
  readonly dataPath: boolean;
}

/** Gbit/s: 10^9 bits a second. kpps: 1,000 packets a second. s/GB: seconds for 10^9 bytes. */
export type Unit = "Gbit/s" | "%" | "s/GB" | "kpps" | "ms" | "MiB" | "1/s";

/** The parts of a round, in their order; each has tunnels of its own. */
export const legs = [
  "start",
  "tcp",
  "udp",
  "ping",
  "tcp-9000",
  "tcp-65460",
  "handshakes",
  "peers-100",
  "peers-10000",
  "event-loop",
] as const;

/** A part of a round. */
export type Leg = (typeof legs)[number];

/** What a leg is about, for a person. Where nothing else is said, a tunnel has one peer. */
export const legTitles: Readonly<Record<Leg, string>> = {
  start: "Start",
  tcp: "TCP, MTU 1420, 1 peer",
  udp: "UDP, MTU 1420",
  ping: "Round trips",
  "tcp-9000": "TCP, MTU 9000",
  "tcp-65460": "TCP, MTU 65460",
  handshakes: "Handshakes",
  "peers-100": "100 peers",
  "peers-10000": "10,000 peers",
  "event-loop": "Node's event loop",
};

/**
 * Over IPv4 a datagram holds 65,507 bytes, 32 of them WireGuard's header and tag. 15 more are what an engine
 * may pad a packet with that has not heard of its interface's MTU: upstream's does not always, since the
 * interface moves to another namespace.
 */
export const tcpMtus = new Map<Leg, number>([
  ["tcp", 1420],
  ["tcp-9000", 9000],
  ["tcp-65460", 65_460],
]);

/** How many peers the near tunnel has in these legs; in all others it is one. */
export const peerCounts = new Map<Leg, number>([
  ["peers-100", 100],
  ["peers-10000", 10_000],
]);

/** The rates at which UDP is offered, in Mbit/s; 0: as much as iperf3 can. */
export const offeredRates = [250, 1000, 0] as const;

/** How a rate stands in an id and in a title. */
export function rateName(rate: number): string {
  return rate === 0 ? "overload" : String(rate);
}

/** Every figure, in the order in which they are shown. */
export const figures: readonly Figure[] = [
  figure("start", "start", "start, launch to UAPI answering", "ms", "less", false),
  ...[...tcpMtus].flatMap(([leg, mtu]) =>
    [1, 4].flatMap((streams) =>
      ["up", "down"].map((direction) =>
        figure(
          `tcp-${mtu}-${streams}-${direction}`,
          leg,
          `${legTitles[leg]}, ${streams === 1 ? "1 stream" : "4 streams"} ${direction}`,
          "Gbit/s",
          "more",
        ),
      ),
    ),
  ),
  figure("tcp-cpu", "tcp", "CPU of both daemons, TCP, 1 peer", "s/GB", "less"),
  figure("tcp-peak-memory", "tcp", "peak memory of both, TCP, 1 peer", "MiB", "less", false),
  figure("tcp-settled-memory", "tcp", "memory of both, 3 s after it", "MiB", "less", false),
  ...offeredRates.flatMap((rate) => {
    const name = rateName(rate);
    const offered = rate === 0 ? "at overload" : `${rate} Mbit/s offered`;
    return [
      figure(`udp-${name}-goodput`, "udp", `UDP, ${offered}`, "Gbit/s", "more"),
      figure(`udp-${name}-loss`, "udp", `UDP loss, ${offered}`, "%", "less"),
      figure(`udp-${name}-cpu`, "udp", `CPU of both daemons, UDP, ${offered}`, "s/GB", "less"),
    ];
  }),
  figure("udp-64", "udp", "packets with 64 bytes of payload", "kpps", "more"),
  figure("udp-peak-memory", "udp", "peak memory of both, UDP", "MiB", "less", false),
  figure("ping-idle-median", "ping", "ping, idle, median", "ms", "less"),
  figure("ping-idle-p99", "ping", "ping, idle, p99", "ms", "less"),
  figure("ping-load-median", "ping", "ping under TCP, median", "ms", "less"),
  figure("ping-load-p99", "ping", "ping under TCP, p99", "ms", "less"),
  figure("handshakes", "handshakes", "handshakes answered, each of another peer", "1/s", "more"),
  ...[...peerCounts].flatMap(([leg, peers]) => {
    const among = `${peers.toLocaleString("en")} peers`;
    return [
      figure(`${leg}-addconf`, leg, `wg addconf, ${among}`, "ms", "less", false),
      figure(`${leg}-tcp`, leg, `TCP, MTU 1420, ${among}, 1 stream up`, "Gbit/s", "more"),
      figure(`${leg}-memory`, leg, `peak memory of both, TCP, ${among}`, "MiB", "less", false),
    ];
  }),
  figure("event-loop-tcp", "event-loop", "Node's event loop delay, TCP, p99", "ms", "less", false),
  figure("event-loop-udp", "event-loop", "Node's event loop delay, UDP, p99", "ms", "less", false),
];

function figure(
  id: string,
  leg: Leg,
  title: string,
  unit: Unit,
  better: "more" | "less",
  dataPath = true,
): Figure {
  return { id, leg, title, unit, better, dataPath };
}

/** Writes a figure with as many digits as its size calls for. */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
