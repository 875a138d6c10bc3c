import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { memory } from "../tunnels/process.js";

/** How often the processes are sampled, in milliseconds. */
const interval = 250;

/**
 * Follows the memory of the daemons in a sandbox. VmHWM is the kernel's own high-water mark, so only what a
 * daemon adds between its last sample and its end is missed.
 */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  #peak: number | null = null;

  /** @param sandbox the process that made the namespaces */
  constructor(sandbox: number) {
    this.#timer = setInterval(() => {
      const largest = largestDaemon(sandbox);
      if (largest !== null) this.#peak = Math.max(largest, this.#peak ?? 0);
    }, interval);
  }

  /** The largest VmHWM that has been seen, in MiB; null if no daemon has. */
  get peak(): number | null {
    return this.#peak;
  }

  /** Ends the sampling. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Finds the daemons of a sandbox from outside: the processes that hold /dev/net/tun in the pid namespace
 * that process `sandbox` has made. Source: proc(5).
 *
 * @returns their largest VmHWM in MiB, or null if there is none
 */
export function largestDaemon(sandbox: number): number | null {
  const namespace = namespaceBelow(sandbox);
  if (namespace === undefined) return null;
  const daemons = fileNames("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => linkTarget(`/proc/${pid}/ns/pid`) === namespace && holdsTun(pid));
  const marks = daemons.flatMap((pid) => unlessEnded(() => memory(Number(pid), "VmHWM")) ?? []);
  return marks.length === 0 ? null : Math.max(...marks);
}

/** The pid namespace of the process's only child, which is the first process of the new namespace. */
function namespaceBelow(pid: number): string | undefined {
  const children = unlessEnded(() => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
  const child = children?.trim();
  const namespace = child ? linkTarget(`/proc/${child}/ns/pid`) : undefined;
  return namespace === linkTarget("/proc/self/ns/pid") ? undefined : namespace;
}

function holdsTun(pid: string): boolean {
  const directory = `/proc/${pid}/fd`;
  return fileNames(directory).some((fd) => linkTarget(`${directory}/${fd}`) === "/dev/net/tun");
}

function linkTarget(path: string): string | undefined {
  return unlessEnded(() => readlinkSync(path));
}

function fileNames(directory: string): string[] {
  return unlessEnded(() => readdirSync(directory)) ?? [];
}

/** Reads a file of a process. undefined: the process has ended, which can happen at any moment. */
function unlessEnded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
