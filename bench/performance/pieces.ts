import { parseDisabled } from "../../src/backends/features.js";
import type { Result } from "../result.js";
import { links } from "../tunnels/links.js";
import { leverTable, programTable, type Row } from "./tables.js";

/** One measurement whose table is in docs/performance.md. */
export interface Piece {
  readonly name: string;
  /** How long it takes on two processors, for --help. */
  readonly takes: string;
  /** The arguments of `npm run bench -- tunnels`. */
  readonly args: readonly string[];
  /** Whether Tailscale's fork is measured too, if scripts/interop has built it. */
  readonly withFork: boolean;
  readonly rows: readonly Row[];
  readonly table: (result: Result, rows: readonly Row[]) => string;
}

const upDown = (id: string) => [`${id}-up`, `${id}-down`];

const speedRows: readonly Row[] = [
  { title: "TCP, MTU 1420, one stream up, down, Gbit/s", ids: upDown("tcp-1420-1") },
  { title: "four streams up, down, Gbit/s", ids: upDown("tcp-1420-4") },
  { title: "MTU 9000, one stream up, down, Gbit/s", ids: upDown("tcp-9000-1") },
  { title: "MTU 9000, four streams up, down, Gbit/s", ids: upDown("tcp-9000-4") },
  { title: "MTU 65,460, one stream up, down, Gbit/s", ids: upDown("tcp-65460-1") },
  { title: "UDP goodput at overload, Gbit/s", ids: ["udp-overload-goodput"] },
  { title: "packets with 64 bytes of payload, kpps", ids: ["udp-64"] },
  { title: "CPU seconds a GB: TCP", ids: ["tcp-cpu"] },
  {
    title: "CPU seconds a GB: UDP at 250 Mbit/s, 1 Gbit/s",
    ids: ["udp-250-cpu", "udp-1000-cpu"],
  },
  { title: "UDP loss at 1 Gbit/s offered, %", ids: ["udp-1000-loss"] },
  { title: "peak memory of both daemons, TCP, MiB", ids: ["tcp-peak-memory"] },
  { title: "peak memory of both daemons, UDP at overload, MiB", ids: ["udp-peak-memory"] },
  { title: "ping, idle, median, p99, ms", ids: ["ping-idle-median", "ping-idle-p99"] },
  { title: "ping under TCP, median, p99, ms", ids: ["ping-load-median", "ping-load-p99"] },
  {
    title: "ping under TCP by BBR, median, p99, ms",
    ids: ["ping-bbr-load-median", "ping-bbr-load-p99"],
  },
  { title: "TCP among 100 and 10,000 peers, Gbit/s", ids: ["peers-100-tcp", "peers-10000-tcp"] },
  { title: "peak memory of both, 10,000 peers, MiB", ids: ["peers-10000-memory"] },
  { title: "handshakes answered a second", ids: ["handshakes"] },
  { title: "start, launch to UAPI answering, ms", ids: ["start"] },
  {
    title: "delay of Node's event loop under TCP, UDP, p99",
    ids: ["event-loop-tcp", "event-loop-udp"],
  },
];

const linkRows: readonly Row[] = [...links].flatMap(([leg, { delay, loss = 0 }]) => {
  const link = `${delay * 2} ms, ${loss * 100} % lost`;
  const both = (what: string) => [1, 4].map((streams) => `${leg}-${streams}${what}`);
  return [
    { title: `${link}: one stream, four, Gbit/s`, ids: both("") },
    { title: "ping under them, median, ms", ids: both("-ping-median") },
    { title: "p99, ms", ids: both("-ping-p99") },
    { title: "segments sent again, 1/GB", ids: both("-retransmissions") },
  ];
});

const flowRows: readonly Row[] = ["flows", "flows-20"].flatMap((leg) => [
  ...["call", "game", "video"].flatMap((flow) => [
    {
      title: `${leg === "flows" ? "loopback" : "20 ms"}, ${flow}: one way, median, p99, ms`,
      ids: [`${leg}-${flow}-median`, `${leg}-${flow}-p99`],
    },
    { title: `${flow}: jitter, ms`, ids: [`${leg}-${flow}-jitter`] },
    { title: `${flow}: loss, %`, ids: [`${leg}-${flow}-loss`] },
  ]),
  { title: "TCP beside them, Gbit/s", ids: [`${leg}-tcp`] },
]);

/** tso6 and uso are not used by TCP over IPv4. */
const levers = [...parseDisabled("all").filter((name) => name !== "tso6" && name !== "uso"), "all"];

const leverRows: readonly Row[] = [
  { title: "TCP, MTU 1420", ids: ["tcp-1420-1-up"] },
  { title: "CPU, TCP", ids: ["tcp-cpu"] },
  { title: "peak memory", ids: ["tcp-peak-memory"] },
  { title: "ping under TCP, p99", ids: ["ping-load-p99"] },
];

/** All measurements. */
export const pieces: readonly Piece[] = [
  {
    name: "speed",
    takes: "half an hour",
    args: [
      ...["--programs", "upstream,exec,ffi", "--max-rounds", "15", "--only"],
      "start,tcp,udp,ping,ping-bbr,tcp-9000,tcp-65460,handshakes,peers-100,peers-10000,event-loop",
    ],
    withFork: true,
    rows: speedRows,
    table: programTable,
  },
  {
    name: "links",
    takes: "an hour and a quarter",
    args: [
      ...["--programs", "upstream,exec", "--without", "aqm", "--only"],
      [...links.keys()].join(","),
    ],
    withFork: false,
    rows: linkRows,
    table: programTable,
  },
  {
    name: "flows",
    takes: "ten minutes",
    args: ["--programs", "upstream,exec", "--without", "aqm", "--only", "flows,flows-20"],
    withFork: true,
    rows: flowRows,
    table: programTable,
  },
  {
    name: "levers",
    takes: "ten minutes",
    args: [
      ...["--programs", "exec", "--reference", "exec", "--rounds", "6", "--only", "tcp,ping"],
      ...levers.flatMap((lever) => ["--without", lever]),
    ],
    withFork: false,
    rows: leverRows,
    table: leverTable,
  },
];
