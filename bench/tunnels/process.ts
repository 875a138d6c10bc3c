import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { systemCodeOf } from "../../src/errors.js";

const execute = promisify(execFile);

/** How long one run of ip, wg or ping may take, in milliseconds: wg waits without limit for a program that hangs. */
const commandLimit = 60_000;

/** How often untilAtRest reads the CPU time, in milliseconds. */
const restInterval = 50;

/** How long untilAtRest waits at most, in milliseconds. */
const restLimit = 2000;

/** Runs a command that ends by itself. */
export async function run(program: string, words: readonly string[]): Promise<void> {
  await execute(program, words, { timeout: commandLimit, killSignal: "SIGKILL" });
}

/**
 * Waits until processes use less than one percent of a processor: until the work that a start or a load
 * leaves behind is done, or two seconds have passed.
 *
 * @param cpuTime their CPU time so far, in seconds
 */
export async function untilAtRest(cpuTime: () => number): Promise<void> {
  const deadline = performance.now() + restLimit;
  for (let before = cpuTime(); performance.now() < deadline; ) {
    await delay(restInterval);
    const now = cpuTime();
    if ((now - before) * 1000 < restInterval / 100) return;
    before = now;
  }
}

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
