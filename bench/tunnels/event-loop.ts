import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { numberAt } from "./json.js";

/** Starts a measurement in a process of event-loop-host.ts. */
export async function resetEventLoopDelay(host: ChildProcess): Promise<void> {
  await ask(host, "reset");
}

/**
 * The 99th percentile since then of the time that a timer of 1 ms took there, in milliseconds.
 * Source: perf_hooks.monitorEventLoopDelay.
 */
export async function eventLoopDelay(host: ChildProcess): Promise<number> {
  const p99 = numberAt(await ask(host, "read"), "p99");
  if (p99 === undefined) throw new Error("The host of the tunnel did not report its delay.");
  return p99;
}

async function ask(host: ChildProcess, question: "reset" | "read"): Promise<unknown> {
  const answer = once(host, "message", { signal: AbortSignal.timeout(10_000) });
  host.send(question);
  const [message] = await answer;
  return message;
}
