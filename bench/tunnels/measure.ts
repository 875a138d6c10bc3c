import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Turn } from "../bench.js";
import { median } from "../report/statistics.js";
import type { Reporting } from "../rounds.js";
import { eventLoopDelay, resetEventLoopDelay } from "./event-loop.js";
import { legs, offeredRates, ordinaryMtu, peerCounts, rateName, tcpMtus } from "./figures.js";
import { isFlowLeg } from "./flows.js";
import { handshakesPerSecond } from "./handshakes.js";
import { iperf3, runOf, underLoad } from "./iperf3.js";
import { type LinkLeg, linkLength, linkStreams, links } from "./links.js";
import { measureFlows } from "./measure-flows.js";
import { ping } from "./ping.js";
import type { SlowPath } from "./relay.js";
import { setConfiguration, TunnelPair } from "./tunnel-pair.js";

/** How often a program is started for its start-up time. */
const starts = 3;

/** Milliseconds between the last packet and the settled memory. */
const settling = 3000;

/** The room for payload at MTU 1420 beside TCP's headers and timestamps. iperf3 warns of more. */
const udpPayload = 1368;

/** Measures a leg with tunnels of its own. */
export async function measureLeg(id: string, turn: Turn, reporting: Reporting): Promise<void> {
  const leg = legs.find((known) => known === id);
  if (leg === undefined) throw new Error(`There is no leg ${id}.`);
  const mtu = tcpMtus.get(leg);
  const peers = peerCounts.get(leg);
  const congestion = turn.congestion[leg];
  const link = [...links].find(([known]) => known === leg);
  if (isFlowLeg(leg)) await measureFlows(leg, turn, reporting);
  else if (link !== undefined) await measureLink(...link, turn, reporting);
  else if (mtu !== undefined) await measureTcp(mtu, congestion, turn, reporting);
  else if (peers !== undefined) await measurePeers(leg, peers, turn, reporting);
  else if (leg === "start") await measureStart(turn, reporting);
  else if (leg === "udp") await measureUdp(turn, reporting);
  else if (leg === "ping" || leg === "ping-bbr" || leg === "ping-reno") {
    await measurePing(leg, turn, reporting);
  } else if (leg === "handshakes") await measureHandshakes(turn, reporting);
  else await measureEventLoop(turn, reporting);
}

async function measureStart(turn: Turn, reporting: Reporting): Promise<void> {
  const times: number[] = [];
  for (let start = 1; start <= starts; start++) {
    reporting.doing(`start ${start} of ${starts}`);
    await TunnelPair.with(turn.program, ordinaryMtu, async ({ near }) => {
      times.push(near.daemon.startTime);
    });
  }
  reporting.found("start", median(times) ?? Number.NaN);
}

async function measureTcp(
  mtu: number,
  congestion: string | undefined,
  turn: Turn,
  reporting: Reporting,
): Promise<void> {
  await TunnelPair.with(turn.program, mtu, async (pair) => {
    let bytes = 0;
    const before = pair.cpuSeconds();
    for (const streams of [1, 4]) {
      for (const direction of ["up", "down"]) {
        reporting.doing(`TCP, MTU ${mtu}, ${streams} ${direction}`);
        const args = ["-P", String(streams), ...(direction === "down" ? ["-R"] : [])];
        const received = await iperf3(runOf(pair, turn.seconds, args, congestion));
        bytes += received.bytes;
        reporting.found(`tcp-${mtu}-${streams}-${direction}`, received.goodput / 1e9);
      }
    }
    if (mtu !== ordinaryMtu) return;
    reporting.found("tcp-cpu", (pair.cpuSeconds() - before) / (bytes / 1e9));
    reporting.found("tcp-peak-memory", pair.memory("VmHWM"));
    reporting.doing("waiting for the memory to settle");
    await delay(settling);
    reporting.found("tcp-settled-memory", pair.memory("VmRSS"));
  });
}

async function measureUdp(turn: Turn, reporting: Reporting): Promise<void> {
  await TunnelPair.with(turn.program, ordinaryMtu, async (pair) => {
    for (const rate of offeredRates) {
      const name = rateName(rate);
      reporting.doing(`UDP, ${name}`);
      const before = pair.cpuSeconds();
      const args = ["-u", "-b", rate === 0 ? "0" : `${rate}M`, "-l", String(udpPayload)];
      const received = await iperf3(runOf(pair, turn.seconds, args));
      reporting.found(`udp-${name}-goodput`, received.goodput / 1e9);
      reporting.found(`udp-${name}-loss`, received.loss);
      reporting.found(`udp-${name}-cpu`, (pair.cpuSeconds() - before) / (received.bytes / 1e9));
    }
    reporting.doing("UDP, 64 bytes");
    const small = await iperf3(runOf(pair, turn.seconds, ["-u", "-b", "0", "-l", "64"]));
    reporting.found("udp-64", small.packetsPerSecond / 1000);
    reporting.found("udp-peak-memory", pair.memory("VmHWM"));
  });
}

async function measurePing(
  leg: "ping" | "ping-bbr" | "ping-reno",
  { program, seconds, congestion }: Turn,
  reporting: Reporting,
): Promise<void> {
  await TunnelPair.with(program, ordinaryMtu, async (pair) => {
    const { namespace } = pair.near;
    if (leg === "ping") {
      reporting.doing("ping, idle");
      const idle = await ping(namespace, pair.far.address, seconds);
      reporting.found("ping-idle-median", idle.median);
      reporting.found("ping-idle-p99", idle.p99);
    }
    reporting.doing(`${leg} under TCP`);
    // The load outlasts the pings, so that none of them crosses an idle tunnel.
    const { result: loaded } = await underLoad(runOf(pair, seconds + 1, [], congestion[leg]), () =>
      ping(namespace, pair.far.address, seconds),
    );
    reporting.found(`${leg}-load-median`, loaded.median);
    reporting.found(`${leg}-load-p99`, loaded.p99);
  });
}

async function measureLink(
  leg: LinkLeg,
  path: SlowPath,
  { program, seconds, congestion }: Turn,
  reporting: Reporting,
): Promise<void> {
  const work = async (pair: TunnelPair) => {
    for (const streams of linkStreams) {
      const id = `${leg}-${streams}`;
      reporting.doing(id);
      const args = ["-P", String(streams)];
      const pinging = seconds * linkLength;
      const run = runOf(pair, pinging + 1, args, congestion[leg]);
      const { result, received } = await underLoad(run, () =>
        ping(pair.near.namespace, pair.far.address, pinging),
      );
      reporting.found(id, received.goodput / 1e9);
      reporting.found(`${id}-ping-median`, result.median);
      reporting.found(`${id}-ping-p99`, result.p99);
      reporting.found(`${id}-retransmissions`, received.retransmissions / (received.bytes / 1e9));
    }
  };
  await TunnelPair.with(program, ordinaryMtu, work, path);
}

async function measureHandshakes(turn: Turn, reporting: Reporting): Promise<void> {
  await TunnelPair.with(turn.program, ordinaryMtu, async ({ near }) => {
    reporting.doing("handshakes");
    reporting.found("handshakes", await handshakesPerSecond(near, turn.seconds * 2000));
  });
}

async function measurePeers(
  leg: string,
  peers: number,
  turn: Turn,
  reporting: Reporting,
): Promise<void> {
  await TunnelPair.with(turn.program, ordinaryMtu, async (pair) => {
    reporting.doing(`${peers} peers`);
    const others = Array.from({ length: peers - 1 }, (_, index) => otherPeer(index)).join("\n");
    const began = performance.now();
    await setConfiguration("addconf", pair.near.interface, others);
    reporting.found(`${leg}-addconf`, performance.now() - began);
    const received = await iperf3(runOf(pair, turn.seconds, [], turn.congestion[leg]));
    reporting.found(`${leg}-tcp`, received.goodput / 1e9);
    reporting.found(`${leg}-memory`, pair.memory("VmHWM"));
  });
}

/** A peer that never answers, with an address of its own in 10.0.0.0/8. */
function otherPeer(index: number): string {
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  return `[Peer]\nPublicKey = ${randomBytes(32).toString("base64")}\nAllowedIPs = ${address}/32\n`;
}

async function measureEventLoop(
  { program: { host, env }, seconds, congestion }: Turn,
  reporting: Reporting,
): Promise<void> {
  if (host === null) return;
  const loads = [
    ["event-loop-tcp", ["-P", "4"], congestion["event-loop"]],
    ["event-loop-udp", ["-u", "-b", "0", "-l", String(udpPayload)], undefined],
  ] as const;
  await TunnelPair.with({ command: host, env }, ordinaryMtu, async (pair) => {
    const hosts = [pair.near, pair.far].map(({ daemon }) => daemon.process);
    for (const [id, args, pinned] of loads) {
      reporting.doing(id);
      await Promise.all(hosts.map(resetEventLoopDelay));
      await iperf3(runOf(pair, seconds, args, pinned));
      reporting.found(id, Math.max(...(await Promise.all(hosts.map(eventLoopDelay)))));
    }
  });
}
