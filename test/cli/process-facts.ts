import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { systemCodeOf } from "../../src/errors.js";

/** What the kernel says of a process in /proc/PID/status, such as "VmRSS". */
export function statusOf(pid: number, name: string): string {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}

/** Resident memory in kB. */
export function residentMemory(pid: number): number {
  return Number.parseInt(statusOf(pid, "VmRSS"), 10);
}

/** The words of a process's command line. */
export function wordsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
}

/** The settings in a process's environment. */
export function environmentOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").slice(0, -1).sort();
}

/** The children that a process's main thread has started. */
export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** What each descriptor of a process leads to, without those that it closes meanwhile. */
export function descriptorsOf(pid: number): ReadonlyMap<number, string> {
  const open = readdirSync(`/proc/${pid}/fd`).flatMap((name): [number, string][] => {
    try {
      return [[Number(name), readlinkSync(`/proc/${pid}/fd/${name}`)]];
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return [];
      throw error;
    }
  });
  return new Map(open);
}

/** Reports whether reads and writes of an open file return at once. */
export function isNonBlocking(pid: number, fd: number): boolean {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
  const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? "", 8);
  return (flags & 0o4000) !== 0; // O_NONBLOCK, which Node.js does not name
}

/** Reports whether a process has not ended. */
export function isRunning(pid: number): boolean {
  try {
    return !/^[ZX]/.test(statusOf(pid, "State"));
  } catch {
    return false;
  }
}
