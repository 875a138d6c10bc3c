import { readdirSync, readFileSync } from "node:fs";
import { systemCodeOf } from "../../src/errors.js";

/**
 * The CPU time of a process's threads so far, in seconds, to the nanosecond: /proc/PID/stat is too coarse for
 * a process at rest. A thread that has ended is not counted.
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

/** The peak resident memory of a process (VmHWM), or its resident memory now (VmRSS), in MiB. */
export function memory(pid: number, field: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`Process ${pid} has no ${field}: it has ended.`);
  return Number(kibibytes) / 1024;
}
