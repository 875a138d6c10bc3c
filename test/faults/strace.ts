import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Fault } from "./plan.js";
import { parseTrace, type TracedCall } from "./trace.js";

/** Why strace cannot be used on this machine; undefined if it can. */
export function straceObstacle(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (error !== undefined) return "strace is not installed";
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}

/** strace's options to record all calls into a file, or to inject a fault and record those of its call. */
function options(file: string, fault: Fault | undefined): string[] {
  const common = ["-f", "-qq", "-n", "-y", "-ttt", "-s", "0", "-e", "signal=none", "-o", file];
  if (fault === undefined) return common;
  const when = fault.nth === "always" ? "" : `:when=${fault.nth}`;
  const inject = `inject=${fault.call}:error=${fault.errno}${when}`;
  return [...common, "-e", `trace=${fault.call}`, "-e", inject];
}

/** The words before a command that make strace its tracer; the command's process stays the child. */
export function traced(file: string, fault: Fault | undefined): string[] {
  return ["strace", "-D", ...options(file, fault)];
}

/** Traces a process that runs, with all its threads. Resolves once it does. */
export async function attach(
  pid: number,
  file: string,
  fault: Fault | undefined,
): Promise<ChildProcess> {
  const words = options(file, fault).filter((word) => word !== "-qq");
  const tracer = spawn("strace", [...words, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines = createInterface({ input: tracer.stderr });
  await Promise.race([once(lines, "line"), once(tracer, "exit"), once(tracer, "error")]);
  return tracer;
}

export function readTrace(file: string): TracedCall[] {
  try {
    return parseTrace(readFileSync(file, "utf8"));
  } catch {
    return []; // It has traced nothing.
  }
}
