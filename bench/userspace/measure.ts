import { setTimeout as delay } from "node:timers/promises";
import type { Program, Turn } from "../bench.js";
import type { Reporting } from "../rounds.js";
import { numberAt } from "../tunnels/json.js";
import { LineProgram } from "../tunnels/line-program.js";
import { cpuSeconds, memory, untilAtRest } from "../tunnels/process.js";
import { trafficPath } from "../tunnels/relay.js";
import { configurationOf } from "../tunnels/tunnel-pair.js";
import { clientLegs, httpConnections, idleStreams, type Leg, legs } from "./figures.js";
import { forwardPort, isForwarder, startForwarder } from "./forwarders.js";
import { type Found, type Job, ports, type Start } from "./jobs.js";
import {
  inNamespace,
  processTree,
  type Setting,
  type SettingOptions,
  withFarEnd,
} from "./setting.js";

/** Measures a leg with tunnels of its own. What a program has no part in is not found. */
export async function measureLeg(id: string, turn: Turn, reporting: Reporting): Promise<void> {
  const leg = legs.find((known) => known === id);
  if (leg === undefined) throw new Error(`There is no leg ${id}.`);
  const { name, host } = turn.program;
  const network = networks.get(name);
  if (clientLegs.has(leg)) {
    if (network !== undefined) await measureClient(leg, network, turn, reporting);
    return;
  }
  if (leg === "forward") {
    if (name === "tun" || isForwarder(name) || host !== null) await measureForward(turn, reporting);
    return;
  }
  // The memory of the kernel's sockets is not in any process.
  if (host === null || (leg === "idle" && name === "tun")) return;
  const options = { onTun: name === "tun", mtu: ordinaryMtu };
  await withFarEnd(options, async (setting) => {
    const node = await NodeClient.start(host, setting);
    try {
      await nodeLegs[leg]?.(node, turn.seconds, reporting);
    } finally {
      await node.stop();
    }
  });
}

/** Which network of bench/traffic a program stands for. */
const networks: ReadonlyMap<string, string> = new Map([
  ["tun", "kernel"],
  ["upstream", "upstream"],
  ["netstack", "netstack"],
]);

const ordinaryMtu = 1420;

async function measureClient(
  leg: Leg,
  network: string,
  { seconds }: Turn,
  reporting: Reporting,
): Promise<void> {
  const plan = clientLegs.get(leg);
  if (plan === undefined) throw new Error(`There is no plan of ${leg}.`);
  const { mtu, path, length } = plan;
  const options: SettingOptions = { onTun: network === "kernel", mtu, path };
  await withFarEnd(options, async (setting) => {
    const { tun, far } = setting;
    const command = [...inNamespace(tun), trafficPath, "client", network];
    const client = await LineProgram.start(command, tun ? undefined : descriptionOf(setting, mtu));
    const daemon = tun?.daemon.process.pid;
    const daemons = daemon === undefined ? [] : [daemon];
    try {
      for (const streams of plan.streams) {
        for (const direction of plan.directions) {
          const id = `${leg}-${streams}-${direction}`;
          reporting.doing(id);
          await untilAtRest(() => cpuOf([...daemons, client.pid]));
          const before = cpuOf(daemons);
          const to = `${far.address}:${ports.stream}`;
          const job = { to, direction, streams, seconds: seconds * length };
          const answer = await client.ask(job, job.seconds);
          const bytes = readNumber(answer, "bytes");
          reporting.found(id, (bytes * 8) / readNumber(answer, "seconds") / 1e9);
          const cpu = readNumber(answer, "cpu") + cpuOf(daemons) - before;
          reporting.found(`${id}-cpu`, cpu / (bytes / 1e9));
        }
      }
      if (leg === "tcp") reporting.found("tcp-memory", memoryOf([...daemons, client.pid], "VmHWM"));
    } finally {
      await client.stop();
    }
  });
}

/** Sends the bytes of a client through a forward; over TUN there is none. */
async function measureForward({ program, seconds }: Turn, reporting: Reporting): Promise<void> {
  const { name, host } = program;
  await withFarEnd({ onTun: name === "tun", mtu: ordinaryMtu }, async (setting) => {
    const { tun, far } = setting;
    const between = tun === undefined ? await startForward(program, setting) : undefined;
    const client = await LineProgram.start([
      ...inNamespace(tun),
      ...[trafficPath, "client", "kernel"],
    ]);
    const daemon = tun?.daemon.process.pid ?? between?.pid;
    const carriers = () => (daemon === undefined ? [] : processTree(daemon));
    const to = tun === undefined ? `127.0.0.1:${forwardPort}` : `${far.address}:${ports.stream}`;
    try {
      // Some connect to the peer only now.
      await client.ask({ to, direction: "down", streams: 1, seconds: 0.1 }, 1);
      // Up last: onetun takes so much into its memory that its answers then come too late.
      for (const direction of ["down", "up"]) {
        reporting.doing(`forward, ${direction}`);
        await untilAtRest(() => cpuOf([...carriers(), client.pid]));
        const before = cpuOf(carriers());
        const id = `forward-${direction}`;
        const job = { to, direction, streams: 1, seconds };
        if (name === "onetun" && direction === "up") {
          // It goes on for minutes with what it has taken, so that its answer does not come. The far end knows.
          const [already, began] = [await setting.received(), performance.now()];
          void client.ask(job, seconds).catch(() => {}); // the client is stopped before
          await delay(seconds * 1000);
          const bytes = (await setting.received()) - already;
          reporting.found(id, (bytes * 8) / ((performance.now() - began) / 1000) / 1e9);
          reporting.found(`${id}-cpu`, (cpuOf(carriers()) - before) / (bytes / 1e9));
          continue;
        }
        const answer = await client.ask(job, seconds);
        const bytes = readNumber(answer, "bytes");
        reporting.found(id, (bytes * 8) / readNumber(answer, "seconds") / 1e9);
        const cpu = readNumber(answer, "cpu") + cpuOf(carriers()) - before;
        reporting.found(`${id}-cpu`, cpu / (bytes / 1e9));
      }
      // With a host, the first is Node.js.
      const forwarding = between === undefined ? [] : carriers().slice(host === null ? 0 : 1);
      if (forwarding.length > 0) reporting.found("forward-memory", memoryOf(forwarding, "VmHWM"));
    } finally {
      await client.stop();
      await between?.stop();
    }
  });
}

/** Starts what forwards a port to the server. */
async function startForward(program: Program, setting: Setting): Promise<LineProgram> {
  if (program.host === null) return startForwarder(program, setting, ordinaryMtu);
  const node = await startNode(program.host, setting);
  await node.ask({ kind: "forward", port: forwardPort } satisfies Job, 1);
  return node;
}

/** What a userspace network of bench/traffic reads first. */
function descriptionOf({ near, far }: Setting, mtu: number): object {
  const uapi = [
    `private_key=${near.key.toHex()}`,
    `listen_port=${near.port}`,
    `public_key=${Buffer.from(far.key.publicKey(), "base64").toString("hex")}`,
    `endpoint=127.0.0.1:${far.port}`,
    `allowed_ip=${far.address}/32`,
  ];
  return { address: near.address, mtu, reaches: `${far.address}/32`, uapi: `${uapi.join("\n")}\n` };
}

/** Starts client.ts. */
function startNode(host: readonly string[], setting: Setting): Promise<LineProgram> {
  const { near, far, tun } = setting;
  const configuration = configurationOf(near, far);
  const config = configuration.replace("[Interface]\n", `$&Address = ${near.address}\n`);
  const first: Start = { server: far.address, ...(tun === undefined && { config }) };
  return LineProgram.start([...inNamespace(tun), ...host], first);
}

/** A process of client.ts, and what carries its packets. */
class NodeClient {
  readonly #program: LineProgram;
  readonly #daemons: readonly number[];

  private constructor(program: LineProgram, daemons: readonly number[]) {
    this.#program = program;
    this.#daemons = daemons;
  }

  static async start(host: readonly string[], setting: Setting): Promise<NodeClient> {
    const daemon = setting.tun?.daemon.process.pid;
    return new NodeClient(await startNode(host, setting), daemon === undefined ? [] : [daemon]);
  }

  /** Does a job once all is at rest. */
  async do(job: Job, seconds = 0): Promise<Found & { readonly cpu: number }> {
    await untilAtRest(() => this.#cpu());
    const before = this.#cpu();
    const answer = await this.#program.ask(job, seconds);
    return {
      count: readNumber(answer, "count"),
      seconds: readNumber(answer, "seconds"),
      cpu: this.#cpu() - before,
    };
  }

  /** Peak memory of the engine's own process, in MiB. undefined: it has none. */
  engineMemory(): number | undefined {
    const children = processTree(this.#program.pid).slice(1);
    return children.length === 0 ? undefined : memoryOf(children, "VmHWM");
  }

  /** Memory of all processes now, in MiB. */
  memory(): number {
    return memoryOf(processTree(this.#program.pid), "VmRSS");
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  #cpu(): number {
    return cpuOf([...this.#daemons, ...processTree(this.#program.pid)]);
  }
}

type NodeLeg = (node: NodeClient, seconds: number, reporting: Reporting) => Promise<void>;

const nodeLegs: Partial<Readonly<Record<Leg, NodeLeg>>> = {
  async node(node, seconds, reporting) {
    for (const direction of ["up", "down"] as const) {
      reporting.doing(`node, ${direction}`);
      const found = await node.do({ kind: "stream", direction, seconds }, seconds);
      reporting.found(`node-${direction}`, (found.count * 8) / found.seconds / 1e9);
      reporting.found(`node-${direction}-cpu`, found.cpu / (found.count / 1e9));
    }
    const peak = node.engineMemory();
    if (peak !== undefined) reporting.found("node-memory", peak);
  },

  async http(node, seconds, reporting) {
    for (const connections of httpConnections) {
      reporting.doing(`http, ${connections}`);
      const found = await node.do({ kind: "requests", connections, seconds }, seconds);
      reporting.found(`http-${connections}`, found.count / found.seconds);
    }
  },

  async connections(node, seconds, reporting) {
    const found = await node.do({ kind: "connections", seconds }, seconds);
    reporting.found("connections", (found.seconds * 1000) / found.count);
  },

  async idle(node, _seconds, reporting) {
    await node.do({ kind: "hold", connections: idleStreams.before });
    const before = node.memory();
    reporting.doing(`${idleStreams.more} more streams`);
    await node.do({ kind: "hold", connections: idleStreams.more });
    reporting.found("idle", ((node.memory() - before) * 1024) / idleStreams.more);
  },

  async datagrams(node, seconds, reporting) {
    const found = await node.do({ kind: "datagrams", seconds }, seconds);
    reporting.found("datagrams", found.count / found.seconds / 1000);
  },
};

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

function memoryOf(pids: readonly number[], field: "VmHWM" | "VmRSS"): number {
  return pids.reduce((sum, pid) => sum + memory(pid, field), 0);
}

/** Reads a number of an answer. */
function readNumber(answer: unknown, name: string): number {
  const value = numberAt(answer, name);
  if (value !== undefined) return value;
  throw new Error(`An answer has no ${name}: ${JSON.stringify(answer)}.`);
}
