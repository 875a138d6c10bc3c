import { rm, writeFile } from "node:fs/promises";
import { messageOf } from "../../src/errors.js";
import { PrivateKey } from "../../src/values/key.js";
import { isBoringtun, makeTun, untilQueuesAreOpen } from "./boringtun.js";
import { Daemon, type TunnelProgram } from "./daemon.js";
import { cpuSeconds, memory, run, untilAtRest } from "./process.js";
import { type Relay, type SlowPath, startRelay } from "./relay.js";

/** How long the first packet may take, in milliseconds: a lost handshake is repeated after 5 s. */
const handshakeLimit = 20_000;

/** How long the first packet of the MTU's size may take after that, in milliseconds. */
const fullSizeLimit = 5000;

/** Bytes of the headers of IPv4 and ICMP. */
const pingHeaders = 28;

/** One end of the pair. */
export interface End {
  readonly interface: string;
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly key: PrivateKey;
  readonly daemon: Daemon;
}

/**
 * Two tunnels of one program that are each other's peer, over 127.0.0.1 of the sandbox's own network;
 * each interface is in a namespace of its own.
 */
export class TunnelPair {
  readonly near: End;
  readonly far: End;

  private constructor(near: End, far: End) {
    this.near = near;
    this.far = far;
  }

  /**
   * Starts both, with a relay between them if there is a path, does the work once a packet of the MTU's full size has crossed and both are at rest, and
   * ends them.
   * @throws Error that says how a daemon ended, if one did before the work was done
   */
  static async with(
    program: TunnelProgram,
    mtu: number,
    work: (pair: TunnelPair) => Promise<void>,
    path?: SlowPath,
  ): Promise<void> {
    const ends: End[] = [];
    let relay: Relay | undefined;
    try {
      const near = await startEnd(program, 1, mtu, ends);
      const far = await startEnd(program, 2, mtu, ends);
      if (path !== undefined) relay = await startRelay(path, near, far);
      const seen = relay ?? { near, far };
      await setConfiguration("setconf", near.interface, configurationOf(near, seen.far));
      await setConfiguration("setconf", far.interface, configurationOf(far, seen.near));
      await untilFullSizeCrosses(near, far, mtu);
      const pair = new TunnelPair(near, far);
      await untilAtRest(() => pair.cpuSeconds());
      await work(pair);
    } catch (error) {
      const ended = ends.flatMap(({ daemon }) => daemon.end ?? []);
      if (ended.length === 0) throw error;
      throw new Error(`It ended, ${ended[0]}. (${messageOf(error)})`, { cause: error });
    } finally {
      await Promise.all([...ends.map(({ daemon }) => daemon.stop()), relay?.program.stop()]);
      await Promise.all([1, 2].map(clearEnd));
    }
  }

  get #pids(): number[] {
    return [this.near, this.far].flatMap(({ daemon }) => daemon.process.pid ?? []);
  }

  /** CPU time of both daemons so far, in seconds. */
  cpuSeconds(): number {
    return this.#pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }

  /** Memory of both daemons, in MiB. */
  memory(field: "VmHWM" | "VmRSS"): number {
    return this.#pids.reduce((sum, pid) => sum + memory(pid, field), 0);
  }
}

/** Starts an end in a namespace of its own, and adds it to `ends` as soon as its daemon runs. */
export async function startEnd(
  program: TunnelProgram,
  number: number,
  mtu: number,
  ends: End[],
): Promise<End> {
  const [name, namespace] = [interfaceOf(number), namespaceOf(number)];
  await run("ip", ["netns", "add", namespace]);
  const boringtun = isBoringtun(program.command[0] ?? "");
  if (boringtun) await makeTun(name, mtu);
  const daemon = await Daemon.start(program, name);
  const end = { interface: name, namespace, daemon, ...identityOf(number) };
  ends.push(end);
  if (boringtun) await untilQueuesAreOpen(name);
  // Upstream notices an MTU only before its interface moves.
  await run("ip", ["link", "set", name, "mtu", String(mtu)]);
  await run("ip", ["link", "set", name, "netns", namespace]);
  await run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
  await run("ip", ["-n", namespace, "address", "add", `${end.address}/24`, "dev", name]);
  await run("ip", ["-n", namespace, "link", "set", name, "mtu", String(mtu), "up"]);
  return end;
}

/** Removes what is left of an end, however far it came: an interface can outlive its program. */
export async function clearEnd(number: number): Promise<void> {
  await run("ip", ["netns", "delete", namespaceOf(number)]).catch(() => undefined);
  await run("ip", ["link", "delete", interfaceOf(number)]).catch(() => undefined);
}

function namespaceOf(number: number): string {
  return `n${number}`;
}

function interfaceOf(number: number): string {
  return `wg${number}`;
}

/** What a peer has to know of an end. */
export type Identity = Pick<End, "address" | "port" | "key">;

/** Makes what the peer of an end has to know of it. */
export function identityOf(number: number): Identity {
  return {
    address: `192.168.241.${number}`,
    port: 10_000 + number,
    key: PrivateKey.generate(),
  };
}

/** The configuration of an end, as wg setconf reads it. */
export function configurationOf(end: Identity, peer: Identity): string {
  return `[Interface]
PrivateKey = ${end.key.toBase64()}
ListenPort = ${end.port}

[Peer]
PublicKey = ${peer.key.publicKey()}
Endpoint = 127.0.0.1:${peer.port}
AllowedIPs = ${peer.address}/32
`;
}

/** Configures by wg and a file: wg cannot open the socket that Node.js would give it as standard input. */
export async function setConfiguration(
  verb: "setconf" | "addconf",
  name: string,
  configuration: string,
): Promise<void> {
  const file = `/run/${name}.conf`;
  await writeFile(file, configuration, { mode: 0o600 });
  await run("wg", [verb, name, file]).finally(() => rm(file));
}

/** Pings until a packet of the MTU's full size has crossed. */
export async function untilFullSizeCrosses(near: End, far: End, mtu: number): Promise<void> {
  await untilCrosses(near, far, pingHeaders, handshakeLimit);
  await untilCrosses(near, far, mtu, fullSizeLimit);
}

/** Pings with packets of this size, in bytes, until one is answered. */
async function untilCrosses(near: End, far: End, size: number, limit: number): Promise<void> {
  const words = ["ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", String(size - pingHeaders)];
  const deadline = performance.now() + limit;
  for (;;) {
    try {
      await run("ip", ["netns", "exec", near.namespace, ...words, far.address]);
      return;
    } catch (cause) {
      if (performance.now() < deadline) continue;
      throw new Error(`It does not carry a packet of ${size} bytes.`, { cause });
    }
  }
}
