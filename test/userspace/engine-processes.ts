import { readdirSync, readFileSync } from "node:fs";
import { statFields } from "../processes.js";

/** Returns the processes that this one has started to run an engine. */
export function engineProcesses(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isEngine(name))
    .map(Number);
}

function isEngine(pid: string): boolean {
  try {
    const [state, parent] = statFields(`/proc/${pid}/stat`);
    const isChild = Number(parent) === process.pid && state !== "Z";
    return (
      isChild && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/wireguard-go-userspace\0")
    );
  } catch {
    return false;
  }
}
