import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { executablePath } from "../../src/engine/files.js";
import { messageOf, systemCodeOf } from "../../src/errors.js";
import { LineProgram } from "../tunnels/line-program.js";
import { run } from "../tunnels/process.js";
import { type SlowPath, startRelay, trafficPath } from "../tunnels/relay.js";
import {
  clearEnd,
  configurationOf,
  type End,
  type Identity,
  identityOf,
  setConfiguration,
  startEnd,
  untilFullSizeCrosses,
} from "../tunnels/tunnel-pair.js";

/** Between a near and a far end. */
export interface SettingOptions {
  /** Whether the near end is on TUN. If not, the program that is measured is the near end. */
  readonly onTun: boolean;
  readonly mtu: number;
  readonly path?: SlowPath | undefined;
}

/** A far end on TUN in a namespace of its own, with a server behind it. */
export interface Setting {
  /** What the far end knows of the near one. */
  readonly near: Identity;
  /** The far end as the near one reaches it, which can be through a relay. */
  readonly far: Identity;
  /** undefined: the near end is not on TUN. */
  readonly tun: End | undefined;
  /** The bytes of all packets that the far end has received so far. */
  readonly received: () => Promise<number>;
}

/** Does the work with a far end, and ends it. */
export async function withFarEnd(
  { onTun, mtu, path }: SettingOptions,
  work: (setting: Setting) => Promise<void>,
): Promise<void> {
  const program = { command: [executablePath(process.env)], env: {} };
  const ends: End[] = [];
  const helpers: LineProgram[] = [];
  try {
    const tun = onTun ? await startEnd(program, 1, mtu, ends) : undefined;
    const near = tun ?? identityOf(1);
    const farEnd = await startEnd(program, 2, mtu, ends);
    for (const end of ends) await pinCongestionControl(end);
    const relay = path === undefined ? undefined : await startRelay(path, near, farEnd);
    if (relay !== undefined) helpers.push(relay.program);
    const { near: nearSeen, far: farSeen } = relay ?? { near, far: farEnd };
    await setConfiguration("setconf", farEnd.interface, configurationOf(farEnd, nearSeen));
    if (tun !== undefined) {
      await setConfiguration("setconf", tun.interface, configurationOf(tun, farSeen));
      await untilFullSizeCrosses(tun, farEnd, mtu);
    }
    const serve = [...inNamespace(farEnd), trafficPath, "serve", farEnd.address];
    helpers.push(await LineProgram.start(serve));
    await work({ near, far: farSeen, tun, received: () => receivedBy(farEnd) });
  } catch (error) {
    const ended = ends.flatMap(({ daemon }) => daemon.end ?? []);
    if (ended.length === 0) throw error;
    throw new Error(`A tunnel ended, ${ended[0]}. (${messageOf(error)})`, { cause: error });
  } finally {
    await Promise.all([...helpers, ...ends.map(({ daemon }) => daemon)].map((one) => one.stop()));
    await Promise.all([1, 2].map(clearEnd));
  }
}

async function receivedBy({ namespace, interface: name }: End): Promise<number> {
  const file = `/sys/class/net/${name}/statistics/rx_bytes`;
  const { stdout } = await promisify(execFile)("ip", ["netns", "exec", namespace, "cat", file]);
  return Number(stdout);
}

/** What starts a program in the namespace of an end. */
export function inNamespace(end: End | undefined): string[] {
  return end === undefined ? [] : ["ip", "netns", "exec", end.namespace];
}

/**
 * Makes kernel TCP use CUBIC to the other end, whatever the machine uses, so that machines can be compared. By the
 * route: a namespace may not choose an algorithm for all that the machine does not allow to everyone.
 */
async function pinCongestionControl({ namespace, interface: name, address }: End): Promise<void> {
  const network = [address.replace(/\d+$/, "0/24"), "dev", name, "src", address];
  try {
    await run("ip", ["-n", namespace, "route", "replace", ...network, "congctl", "cubic"]);
  } catch (cause) {
    throw new Error("The kernel does not offer CUBIC, which all of kernel TCP is to use here.", {
      cause,
    });
  }
}

/** A process and all that come from it. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const tree = [root];
  // The list grows while it is read.
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  }
  return tree;
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ESRCH") return undefined; // It has just ended.
    throw error;
  }
}
