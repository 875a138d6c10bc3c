import { type Figure, figureOf } from "../bench.js";
import type { SlowPath } from "../tunnels/relay.js";

/** The parts of a round, in their order; each has tunnels of its own. */
export const legs = [
  "tcp",
  "tcp-1280",
  "tcp-9000",
  "slow-path",
  "reordering",
  "little-reordering",
  "long-reordering",
  "loss",
  "forward",
  "node",
  "http",
  "connections",
  "idle",
  "datagrams",
] as const;

/** A part of a round. */
export type Leg = (typeof legs)[number];

/** The subject of each leg, for a person. */
export const legTitles: Readonly<Record<Leg, string>> = {
  tcp: "Go client, TCP, MTU 1420",
  "tcp-1280": "Go client, TCP, MTU 1280",
  "tcp-9000": "Go client, TCP, MTU 9000",
  "slow-path": "Go client, 100 Mbit/s, 20 ms, a queue of 128 KiB",
  reordering: "Go client, 1 Gbit/s, 40 ms, 1 % of the datagrams 3 ms late",
  "little-reordering": "Go client, 1 Gbit/s, 20 ms, 0.1 % of the datagrams 3 ms late",
  "long-reordering": "Go client, 1 Gbit/s, 20 ms, 0.1 % of the datagrams 12 ms late",
  loss: "Go client, 1 Gbit/s, 20 ms, 0.1 % of the datagrams lost",
  forward: "Go client over TCP, through a forward",
  node: "Node.js, one stream",
  http: "Node.js, HTTP requests on kept connections",
  connections: "Node.js, connections one after the other",
  idle: "Node.js, idle streams",
  datagrams: "Node.js, UDP echo, 100 bytes",
};

/** The legs of the Go client. */
export const clientLegs = new Map<
  Leg,
  {
    readonly mtu: number;
    readonly streams: readonly number[];
    readonly directions: readonly Direction[];
    /** Times the seconds of a run. */
    readonly length: number;
    readonly path?: SlowPath;
  }
>([
  ["tcp", { mtu: 1420, streams: [1, 4], directions: ["up", "down"], length: 1 }],
  ["tcp-1280", { mtu: 1280, streams: [1], directions: ["up", "down"], length: 1 }],
  ["tcp-9000", { mtu: 9000, streams: [1], directions: ["up", "down"], length: 1 }],
  [
    "slow-path",
    {
      ...({ mtu: 1420, streams: [1], directions: ["up"] } as const),
      // A stream needs more time to find out how fast it may be.
      length: 5,
      path: { rate: 100_000_000, delay: 10, queue: 131_072 },
    },
  ],
  ["reordering", badPlan(["up", "down"], { delay: 20, reordering: { share: 0.01, late: 3 } })],
  [
    "little-reordering",
    badPlan(["up", "down"], { delay: 10, reordering: { share: 0.001, late: 3 } }),
  ],
  ["long-reordering", badPlan(["up"], { delay: 10, reordering: { share: 0.001, late: 12 } })],
  ["loss", badPlan(["up"], { delay: 10, loss: 0.001 })],
]);

/** A fast path, with a queue that holds everything, which delays or loses single datagrams. */
function badPlan(directions: readonly Direction[], bad: Omit<SlowPath, "rate" | "queue">) {
  const path: SlowPath = { rate: 1_000_000_000, queue: 16 << 20, ...bad };
  return { mtu: 1420, streams: [1], directions, length: 5, path } as const;
}

/** up: from the near end to the far one. */
export type Direction = "up" | "down";

/** How many connections the requests of HTTP use. */
export const httpConnections = [1, 50] as const;

/** How many streams are held before the memory is read first, and how many then come. */
export const idleStreams = { before: 200, more: 1000 } as const;

/** Every figure, in the order in which they are shown. */
export const figures: readonly Figure[] = [
  ...[...clientLegs].flatMap(([leg, { streams, directions }]) =>
    streams.flatMap((count) =>
      directions.flatMap((direction) => {
        const id = `${leg}-${count}-${direction}`;
        const title = `${count === 1 ? "1 stream" : `${count} streams`} ${direction}`;
        return [
          figureOf(id, leg, title, "Gbit/s", "more", false),
          figureOf(`${id}-cpu`, leg, `${title}, CPU of the near end`, "s/GB", "less", false),
        ];
      }),
    ),
  ),
  figureOf("tcp-memory", "tcp", "peak memory of the near end", "MiB", "less", false),
  ...(["up", "down"] as const).flatMap((direction) => {
    const id = `forward-${direction}`;
    return [
      figureOf(id, "forward", direction, "Gbit/s", "more"),
      figureOf(`${id}-cpu`, "forward", `${direction}, CPU of the near end`, "s/GB", "less"),
    ];
  }),
  figureOf("forward-memory", "forward", "peak memory of what forwards", "MiB", "less", false),
  ...(["up", "down"] as const).flatMap((direction) => [
    figureOf(`node-${direction}`, "node", direction, "Gbit/s", "more"),
    figureOf(`node-${direction}-cpu`, "node", `${direction}, CPU of the near end`, "s/GB", "less"),
  ]),
  figureOf("node-memory", "node", "peak memory of the engine's process", "MiB", "less", false),
  ...httpConnections.map((count) => {
    const title = count === 1 ? "1 connection" : `${count} connections`;
    return figureOf(`http-${count}`, "http", title, "1/s", "more");
  }),
  figureOf("connections", "connections", "connect, echo and close", "ms", "less"),
  figureOf("idle", "idle", "memory of a stream, all processes", "KiB", "less"),
  figureOf("datagrams", "datagrams", "echoed", "kpps", "more"),
];
