import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Fault } from "./plan.js";

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

/** A system call that a recorded run made. */
export interface TracedCall {
  readonly thread: number;
  /** Seconds of Unix time. */
  readonly at: number;
  readonly name: string;
  /** The kernel's number of the call. */
  readonly number: number;
  /** strace made it fail. */
  readonly injected: boolean;
  /** On the descriptor by which Go's runtime or libuv wakes itself: it tries for ever, which is not ours to bound. */
  readonly wakes: boolean;
}

const line = /^(\d+) +(\d+\.\d+) (.*)$/;
const waking = /^\[ *\d+\] \w+\(\d+<anon_inode:\[eventfd\]>/;
const begun = /^\[ *(\d+)\] ([a-z_0-9]+)\(/;
const resumed = /^\[ *\d+\] <\.\.\. ([a-z_0-9]+) resumed>/;

/**
 * Reads what `strace -f -n -y -ttt -o FILE` wrote. A call that another thread's call cut in two counts once, where it
 * began; that it was injected stands where it ends. What is no call (signals, ends of processes) is left out.
 */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const open = new Map<string, number>();
  for (const whole of text.split("\n")) {
    const [, thread = "", at = "", rest = ""] = line.exec(whole) ?? [];
    const injected = rest.endsWith("(INJECTED)");
    const end = resumed.exec(rest)?.[1];
    if (end !== undefined) {
      const index = open.get(`${thread} ${end}`);
      const call = index === undefined ? undefined : calls[index];
      if (index !== undefined && call !== undefined) calls[index] = { ...call, injected };
      continue;
    }
    const [, number, name] = begun.exec(rest) ?? [];
    if (name === undefined) continue;
    if (rest.endsWith("<unfinished ...>")) open.set(`${thread} ${name}`, calls.length);
    calls.push({
      thread: Number(thread),
      at: Number(at),
      name,
      number: Number(number),
      injected,
      wakes: waking.test(rest),
    });
  }
  return calls;
}
