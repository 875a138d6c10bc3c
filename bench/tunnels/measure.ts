import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { median } from "../report/statistics.js";
import { eventLoopDelay, resetEventLoopDelay } from "./event-loop.js";
import { type Leg, offeredRates, peerCounts, rateName, tcpMtus } from "./figures.js";
import { handshakesPerSecond } from "./handshakes.js";
import { type Iperf3Run, iperf3, underLoad } from "./iperf3.js";
import { ping } from "./ping.js";
import { setConfiguration, TunnelPair } from "./tunnel-pair.js";
import type { Visit } from "./visit.js";

/** Is told what a leg does and finds. */
export interface Teller {
  doing(what: string): void;
  found(id: string, value: number): void;
}

type Measured = Omit<Visit, "legs">;

/** How often a program is started for its start-up time. */
const starts = 3;

/** Milliseconds between the last packet and the settled memory. */
const settling = 3000;

/** What TCP has room for at MTU 1420, beside its headers and timestamps. iperf3 warns of more. */
const udpPayload = 1368;

const ordinaryMtu = 1420;

/** Measures a leg with tunnels of its own. */
export async function measureLeg(leg: Leg, measured: Measured, teller: Teller): Promise<void> {
  const mtu = tcpMtus.get(leg);
  const peers = peerCounts.get(leg);
  if (mtu !== undefined) await measureTcp(mtu, measured, teller);
  else if (peers !== undefined) await measurePeers(leg, peers, measured, teller);
  else if (leg === "start") await measureStart(measured, teller);
  else if (leg === "udp") await measureUdp(measured, teller);
  else if (leg === "ping") await measurePing(measured, teller);
  else if (leg === "handshakes") await measureHandshakes(measured, teller);
  else if (measured.host !== null) await measureEventLoop(measured.host, measured, teller);
}

async function measureStart(measured: Measured, teller: Teller): Promise<void> {
  const times: number[] = [];
  for (let start = 1; start <= starts; start++) {
    teller.doing(`start ${start} of ${starts}`);
    await TunnelPair.with(measured, ordinaryMtu, async ({ near }) => {
      times.push(near.daemon.startTime);
    });
  }
  teller.found("start", median(times) ?? Number.NaN);
}

async function measureTcp(mtu: number, measured: Measured, teller: Teller): Promise<void> {
  await TunnelPair.with(measured, mtu, async (pair) => {
    let bytes = 0;
    const before = pair.cpuSeconds();
    for (const streams of [1, 4]) {
      for (const direction of ["up", "down"]) {
        teller.doing(`TCP, MTU ${mtu}, ${streams} ${direction}`);
        const args = ["-P", String(streams), ...(direction === "down" ? ["-R"] : [])];
        const received = await iperf3(runOf(pair, measured.seconds, args));
        bytes += received.bytes;
        teller.found(`tcp-${mtu}-${streams}-${direction}`, received.goodput / 1e9);
      }
    }
    if (mtu !== ordinaryMtu) return;
    teller.found("tcp-cpu", (pair.cpuSeconds() - before) / (bytes / 1e9));
    teller.found("tcp-peak-memory", pair.memory("VmHWM"));
    teller.doing("waiting for the memory to settle");
    await delay(settling);
    teller.found("tcp-settled-memory", pair.memory("VmRSS"));
  });
}

async function measureUdp(measured: Measured, teller: Teller): Promise<void> {
  await TunnelPair.with(measured, ordinaryMtu, async (pair) => {
    for (const rate of offeredRates) {
      const name = rateName(rate);
      teller.doing(`UDP, ${name}`);
      const before = pair.cpuSeconds();
      const args = ["-u", "-b", rate === 0 ? "0" : `${rate}M`, "-l", String(udpPayload)];
      const received = await iperf3(runOf(pair, measured.seconds, args));
      teller.found(`udp-${name}-goodput`, received.goodput / 1e9);
      teller.found(`udp-${name}-loss`, received.loss);
      teller.found(`udp-${name}-cpu`, (pair.cpuSeconds() - before) / (received.bytes / 1e9));
    }
    teller.doing("UDP, 64 bytes");
    const small = await iperf3(runOf(pair, measured.seconds, ["-u", "-b", "0", "-l", "64"]));
    teller.found("udp-64", small.packetsPerSecond / 1000);
    teller.found("udp-peak-memory", pair.memory("VmHWM"));
  });
}

async function measurePing(measured: Measured, teller: Teller): Promise<void> {
  const { seconds } = measured;
  await TunnelPair.with(measured, ordinaryMtu, async (pair) => {
    const { namespace } = pair.near;
    teller.doing("ping, idle");
    const idle = await ping(namespace, pair.far.address, seconds);
    teller.found("ping-idle-median", idle.median);
    teller.found("ping-idle-p99", idle.p99);
    teller.doing("ping under TCP");
    // The load lasts longer than the pings, so that none of them meets an idle tunnel.
    const loaded = await underLoad(runOf(pair, seconds + 1, []), () =>
      ping(namespace, pair.far.address, seconds),
    );
    teller.found("ping-load-median", loaded.median);
    teller.found("ping-load-p99", loaded.p99);
  });
}

async function measureHandshakes(measured: Measured, teller: Teller): Promise<void> {
  await TunnelPair.with(measured, ordinaryMtu, async ({ near }) => {
    teller.doing("handshakes");
    teller.found("handshakes", await handshakesPerSecond(near, measured.seconds * 2000));
  });
}

async function measurePeers(
  leg: Leg,
  peers: number,
  measured: Measured,
  teller: Teller,
): Promise<void> {
  await TunnelPair.with(measured, ordinaryMtu, async (pair) => {
    teller.doing(`${peers} peers`);
    const others = Array.from({ length: peers - 1 }, (_, index) => otherPeer(index)).join("\n");
    const began = performance.now();
    await setConfiguration("addconf", pair.near.interface, others);
    teller.found(`${leg}-addconf`, performance.now() - began);
    const received = await iperf3(runOf(pair, measured.seconds, []));
    teller.found(`${leg}-tcp`, received.goodput / 1e9);
    teller.found(`${leg}-memory`, pair.memory("VmHWM"));
  });
}

/** A peer that never answers, with an address of its own in 10.0.0.0/8. */
function otherPeer(index: number): string {
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  return `[Peer]\nPublicKey = ${randomBytes(32).toString("base64")}\nAllowedIPs = ${address}/32\n`;
}

async function measureEventLoop(
  host: readonly string[],
  { env, seconds }: Measured,
  teller: Teller,
): Promise<void> {
  const loads = [
    ["event-loop-tcp", ["-P", "4"]],
    ["event-loop-udp", ["-u", "-b", "0", "-l", String(udpPayload)]],
  ] as const;
  await TunnelPair.with({ command: host, env }, ordinaryMtu, async (pair) => {
    const hosts = [pair.near, pair.far].map(({ daemon }) => daemon.process);
    for (const [id, args] of loads) {
      teller.doing(id);
      await Promise.all(hosts.map(resetEventLoopDelay));
      await iperf3(runOf(pair, seconds, args));
      teller.found(id, Math.max(...(await Promise.all(hosts.map(eventLoopDelay)))));
    }
  });
}

/** A run of iperf3 from the near end to the far one. */
function runOf({ near, far }: TunnelPair, seconds: number, args: readonly string[]): Iperf3Run {
  return {
    client: near.namespace,
    server: far.namespace,
    serverAddress: far.address,
    seconds,
    args,
  };
}
