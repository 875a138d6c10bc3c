import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "./process.js";

/** How many threads it runs, each with a queue of the interface. Its default. Source: its --help. */
const threads = 4;

/** How long all its queues may take, in milliseconds, and how often they are counted. */
const queuesLimit = 30_000;
const queuesInterval = 1;

/** Settles how many threads boringtun has. */
export const boringtunEnvironment = { WG_THREADS: String(threads) } as const;

/** Whether a program is boringtun-cli, by its path. */
export function isBoringtun(path: string): boolean {
  return basename(path).startsWith("boringtun");
}

/**
 * Makes an interface that boringtun finds when it starts. It truncates packets at the MTU that it knows, which it
 * reads at its start, and once a second while the interface is in its own namespace.
 */
export async function makeTun(name: string, mtu: number): Promise<void> {
  await run("ip", ["tuntap", "add", "dev", name, "mode", "tun", "multi_queue"]);
  await run("ip", ["link", "set", name, "mtu", String(mtu)]);
}

/**
 * Waits until each of its threads has a queue of the interface. They open it by name, some only after its socket
 * answers: a thread whose interface was moved to another namespace before makes a new one of that name, and all that
 * it decrypts goes there.
 */
export async function untilQueuesAreOpen(name: string): Promise<void> {
  for (let waited = 0; waited < queuesLimit; waited += queuesInterval) {
    const queues = readdirSync(`/sys/class/net/${name}/queues`);
    if (queues.filter((queue) => queue.startsWith("rx-")).length === threads) return;
    await delay(queuesInterval);
  }
  throw new Error(
    `boringtun has not opened ${threads} queues of ${name} within ${queuesLimit} ms.`,
  );
}
