import { setTimeout as delay } from "node:timers/promises";
import { memory } from "../../bench/tunnels/process.js";
import { inNamespace, run } from "../suite/commands.js";
import { type CongestionRow, loadSeconds, streams, udpSize } from "./congestion-rows.js";
import type { Endpoint } from "./endpoint.js";
import { type Flood, flood } from "./flood.js";
import { resetPeak } from "./memory.js";
import { serverNamespace } from "./namespaces.js";
import { pings, untilPingAnswered } from "./pings.js";
import type { FieldProgram } from "./programs.js";
import { limitUplink } from "./qdisc.js";
import type { Figure, Measured } from "./result.js";
import { peerOf, Site, type SitePeer } from "./site.js";
import { Streams } from "./streams.js";

const mtu = 1420;

// Seconds after the load begins. The queue must have filled before the first ping, and the stream to y must not delay
// y's pings.
const pingsBegin = 1;
const streamBegins = 5.2;
const streamEnds = 7.7;

/** How many pings y gets, and the seconds between two. */
const pingCount = 80;
const pingInterval = 0.05;

/** How long x and y may take to answer again, in seconds. */
const recoveryLimit = 60;

export const congestionFigures: readonly Figure[] = [
  { id: "answered", title: `y's pings answered, of ${pingCount}`, decimals: 0 },
  { id: "median", title: "y's ping, median ms", decimals: 2 },
  { id: "p99", title: "y's ping, p99 ms", decimals: 2 },
  { id: "tcp", title: "y's TCP, Mbit/s", decimals: 2 },
  { id: "x", title: `x answers again, s (at most ${recoveryLimit})`, decimals: 2 },
  { id: "y", title: `y answers again, s (at most ${recoveryLimit})`, decimals: 2 },
  { id: "peak", title: "peak, MiB", decimals: 1 },
];

/** A server with two peers x and y, and a congested path to x. */
export interface CongestedSite {
  readonly server: Endpoint;
  readonly x: SitePeer;
  readonly y: SitePeer;
}

/** Starts the program under test and its peers, connects them, and limits the path to x. */
export async function congest(
  site: Site,
  { uplinks, qdisc, pathRate }: CongestionRow,
  program: FieldProgram,
): Promise<CongestedSite> {
  const server = await site.startServer(program, mtu);
  const x = await site.startPeer(0, 1, mtu);
  const y = await site.startPeer(uplinks - 1, 2, mtu);
  await server.configure([x, y].map(peerOf));
  for (const peer of [x, y]) await peer.connect(server, `${site.serverAddress}/32`);
  await limitUplink(site.uplink(0), qdisc, pathRate);
  return { server, x, y };
}

/** Measures a program in one case, in namespaces of its own. */
export async function measureCongestion(
  row: CongestionRow,
  program: FieldProgram,
): Promise<Measured> {
  await using site = await Site.make(row.uplinks);
  const { server, x, y } = await congest(site, row, program);
  await using yStreams = await Streams.listen(y.namespace, y.address);
  await resetPeak(server.pid);
  const loaded = await withLoad(row, x, async (began) => {
    const at = (seconds: number) => delay(began + seconds * 1000 - performance.now());
    await at(pingsBegin);
    const pinged = pings(serverNamespace, y.address, pingCount, pingInterval);
    await Promise.race([pinged, at(streamBegins)]);
    await at(streamBegins);
    const before = await receivedBytes(y);
    const measured = performance.now();
    yStreams.send(serverNamespace, 1);
    await at(streamEnds);
    const bytes = (await receivedBytes(y)) - before;
    const seconds = (performance.now() - measured) / 1000;
    await yStreams[Symbol.asyncDispose]();
    await at(loadSeconds);
    return { pinged, tcp: (bytes * 8) / 1e6 / seconds };
  });
  const [xAfter, yAfter, pinged] = await Promise.all([
    untilPingAnswered(serverNamespace, x.address, recoveryLimit),
    untilPingAnswered(serverNamespace, y.address, recoveryLimit),
    loaded.pinged,
  ]);
  server.assertRuns();
  const { answered, median, p99 } = pinged;
  const peak = memory(server.pid, "VmHWM");
  return { answered, median, p99, tcp: loaded.tcp, x: xAfter, y: yAfter, peak };
}

/** Loads the path to x while work runs, and resolves once both have ended. */
async function withLoad<Result>(
  { load, rate }: CongestionRow,
  x: SitePeer,
  work: (began: number) => Promise<Result>,
): Promise<Result> {
  if (load === "tcp") {
    await using xStreams = await Streams.listen(x.namespace, x.address);
    xStreams.send(serverNamespace, streams);
    return await work(performance.now());
  }
  const flooding = flood(floodOf(x, rate, loadSeconds));
  const [result] = await Promise.all([work(performance.now()), flooding]);
  return result;
}

/** Returns a flood from the server to x. */
export function floodOf(x: SitePeer, rate: number, seconds: number): Flood {
  const to = `${x.address}:9`;
  return { namespace: serverNamespace, to, size: udpSize, rate, seconds };
}

/** Returns how many bytes have come out of a peer's tunnel so far. */
async function receivedBytes({ namespace, interface: name }: SitePeer): Promise<number> {
  const path = `/sys/class/net/${name}/statistics/rx_bytes`;
  return Number(await run(...inNamespace(namespace, "cat", path)));
}
