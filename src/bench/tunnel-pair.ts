import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { untilAnswer } from "../backends/exec/answer.js";
import { waitUntilFree } from "../uapi/socket.js";
import { PrivateKey } from "../values/key.js";
import { cpuSeconds, memory } from "./process.js";

const run = promisify(execFile);

/** How long a start, an end or the first answer may take, in milliseconds. */
const limit = 20_000;

/** One end of the pair. */
interface End {
  readonly interface: string;
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly key: PrivateKey;
  readonly daemon: ChildProcess;
}

/**
 * Two tunnels of one program that are each other's peer, over 127.0.0.1 of the sandbox's own network;
 * each interface is in a namespace of its own. Both daemons run in the foreground, in the session of
 * this process, so that the scheduler treats every program alike.
 */
export class TunnelPair implements AsyncDisposable {
  readonly near: End;
  readonly far: End;
  /** Milliseconds from the launch of the near daemon until its UAPI answered. */
  readonly startTime: number;

  private constructor(near: End, far: End, startTime: number) {
    this.near = near;
    this.far = far;
    this.startTime = startTime;
  }

  /** Starts both, and returns once a packet of the MTU's full size has crossed. */
  static async start(command: readonly string[], mtu: number): Promise<TunnelPair> {
    const launched: ChildProcess[] = [];
    try {
      const near = await launch(command, 1, mtu, launched);
      const far = await launch(command, 2, mtu, launched);
      const pair = new TunnelPair(near.end, far.end, near.startTime);
      await connect(near.end, far.end);
      await connect(far.end, near.end);
      await pair.#untilFullSizeCrosses(mtu);
      return pair;
    } catch (error) {
      await Promise.all(launched.map((daemon, index) => stop(daemon, `wg${index + 1}`)));
      throw error;
    }
  }

  get #pids(): number[] {
    return [this.near, this.far].flatMap(({ daemon }) => daemon.pid ?? []);
  }

  /** CPU time of both daemons so far, in seconds. */
  cpuSeconds(): number {
    return this.#pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }

  /** Memory of both daemons, in MiB. */
  memory(field: "VmHWM" | "VmRSS"): number {
    return this.#pids.reduce((sum, pid) => sum + memory(pid, field), 0);
  }

  async #untilFullSizeCrosses(mtu: number): Promise<void> {
    const ipAndIcmpHeaders = 28;
    const words = ["ping", "-c", "1", "-W", "1", "-M", "do", "-s", String(mtu - ipAndIcmpHeaders)];
    const deadline = performance.now() + limit / 4;
    for (;;) {
      try {
        await inNamespace(this.near.namespace, ...words, this.far.address);
        return;
      } catch (cause) {
        if (performance.now() < deadline) continue;
        throw new Error(`It does not carry a packet of ${mtu} bytes.`, { cause });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.near, this.far].map((end) => stop(end.daemon, end.interface)));
  }
}

async function launch(
  command: readonly string[],
  number: number,
  mtu: number,
  launched: ChildProcess[],
): Promise<{ end: End; startTime: number }> {
  const [program = "", ...args] = command;
  const name = `wg${number}`;
  const namespace = `n${number}`;
  await run("ip", ["netns", "add", namespace]).catch(() => undefined);
  await inNamespace(namespace, "ip", "link", "set", "lo", "up");
  // boringtun asks for its MTU when it starts: let it find the interface.
  if (basename(program).startsWith("boringtun")) {
    await run("ip", ["tuntap", "add", "dev", name, "mode", "tun", "multi_queue"]);
    await run("ip", ["link", "set", name, "mtu", String(mtu)]);
  }
  const began = performance.now();
  const daemon = spawn(program, [...args, "-f", name], {
    // WG_SUDO lets boringtun and gotatun keep the rights without which they lose their interface.
    env: { ...process.env, LOG_LEVEL: "error", WG_PROCESS_FOREGROUND: "1", WG_SUDO: "true" },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  launched.push(daemon);
  const answered = new AbortController();
  const ended = once(daemon, "exit", { signal: answered.signal }).then(([status, signal]) => {
    throw new Error(`It ended at its start, ${signal ?? `exit status ${status}`}.`);
  });
  const deadline = AbortSignal.any([AbortSignal.timeout(limit), answered.signal]);
  await Promise.race([untilAnswer(name, deadline, 1), ended]).finally(() => answered.abort());
  ended.catch(() => undefined);
  const startTime = performance.now() - began;
  await run("ip", ["link", "set", name, "mtu", String(mtu)]);
  await run("ip", ["link", "set", name, "netns", namespace]);
  const address = `192.168.241.${number}`;
  await inNamespace(namespace, "ip", "address", "add", `${address}/24`, "dev", name);
  await inNamespace(namespace, "ip", "link", "set", name, "mtu", String(mtu), "up");
  const key = PrivateKey.generate();
  const port = 10_000 + number;
  return { end: { interface: name, namespace, address, port, key, daemon }, startTime };
}

/** The configuration of an end, as wg setconf reads it. */
export function peerConfiguration(end: End, peer: End): string {
  return `[Interface]
PrivateKey = ${end.key.toBase64()}
ListenPort = ${end.port}

[Peer]
PublicKey = ${peer.key.publicKey()}
Endpoint = 127.0.0.1:${peer.port}
AllowedIPs = ${peer.address}/32
`;
}

async function connect(end: End, peer: End): Promise<void> {
  await setConfiguration("setconf", end.interface, peerConfiguration(end, peer));
}

/** Gives wg a configuration, by a file: it cannot open the socket that Node would give it as standard input. */
export async function setConfiguration(
  verb: "setconf" | "addconf",
  name: string,
  configuration: string,
): Promise<void> {
  const file = `/run/${name}.conf`;
  await writeFile(file, configuration, { mode: 0o600 });
  await run("wg", [verb, name, file]).finally(() => rm(file));
}

async function inNamespace(namespace: string, ...words: string[]): Promise<void> {
  await run("ip", ["netns", "exec", namespace, ...words]);
}

async function stop(daemon: ChildProcess, name: string): Promise<void> {
  if (daemon.exitCode === null && daemon.signalCode === null && daemon.pid !== undefined) {
    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), limit);
    await ended;
    clearTimeout(timer);
  }
  // What a killed program leaves would be in the way of the next one.
  await run("rm", ["-f", `/run/wireguard/${name}.sock`, `/var/run/wireguard/${name}.sock`]);
  await run("ip", ["link", "delete", name]).catch(() => undefined);
  await waitUntilFree(name, limit);
}
