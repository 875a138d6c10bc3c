import { readdirSync, readFileSync } from "node:fs";

/** Returns the processes that this one has started to run an engine. */
export function engineProcesses(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isEngine(name))
    .map(Number);
}

function isEngine(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isChild = Number(parent) === process.pid && !stat.includes(") Z ");
    return (
      isChild && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/wireguard-go-userspace\0")
    );
  } catch {
    return false;
  }
}
