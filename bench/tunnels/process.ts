import { readdirSync, readFileSync } from "node:fs";
import { systemCodeOf } from "../../src/errors.js";

/**
 * How long the threads of a process ran so far, in seconds, to the nanosecond: a process at rest uses
 * less in a second than /proc/PID/stat can tell. A thread that has ended is not counted.
 * Source: the kernel's Documentation/scheduler/sched-stats.rst.
 */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + nanoseconds(pid, thread), 0) / 1e9;
}

function nanoseconds(pid: number, thread: string): number {
  try {
    const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(ran);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ESRCH") return 0; // It has just ended.
    throw error;
  }
}

/** The most that a process ever held resident (VmHWM), or what it holds now (VmRSS), in MiB. */
export function memory(pid: number, field: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`Process ${pid} has no ${field}: it has ended.`);
  return Number(kibibytes) / 1024;
}
