import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Fault } from "./plan.js";

/** Returns why strace cannot be used on this machine, or undefined if it can. */
export function straceObstacle(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (error !== undefined) return "strace is not installed";
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}

/** Returns strace's options to record all calls in a file, or to inject a fault and record the calls that it is about. */
function options(file: string, fault: Fault | undefined): string[] {
  const common = ["-f", "-qq", "-n", "-y", "-ttt", "-s", "0", "-e", "signal=none", "-o", file];
  if (fault === undefined) return common;
  const when = fault.nth === "always" ? "" : `:when=${fault.nth}`;
  const inject = `inject=${fault.call}:error=${fault.errno}${when}`;
  return [...common, "-e", `trace=${fault.call}`, "-e", inject];
}

/** Returns the words before a command that make strace trace it. The child process stays the command's (-D). */
export function traced(file: string, fault: Fault | undefined): string[] {
  return ["strace", "-D", ...options(file, fault)];
}

/** Attaches strace to a running process and all its threads. Resolves once it traces. */
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
    return []; // There was nothing to trace.
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
  /** Whether strace made it fail. */
  readonly injected: boolean;
  /** Whether it concerns the descriptor by which Go's runtime or libuv wakes itself, which they retry without end. */
  readonly wakes: boolean;
}

const line = /^(\d+) +(\d+\.\d+) (.*)$/;
const waking = /^\[ *\d+\] \w+\(\d+<anon_inode:\[eventfd\]>/;
const begun = /^\[ *(\d+)\] ([a-z_0-9]+)\(/;
const resumed = /^\[ *\d+\] <\.\.\. ([a-z_0-9]+) resumed>/;

/**
 * Parses the output of `strace -f -n -y -ttt -o FILE`. A call that another thread's call splits into two lines counts
 * once, where it began; whether it was injected is on the line where it ends. Other lines (signals, exits) are ignored.
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
