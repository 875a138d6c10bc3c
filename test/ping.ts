import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

/** How long answers are waited for, in seconds. */
const limit = 30;

/**
 * Pings an address, and fails if an answer to one of the first `count` requests is missing.
 * @param more words for ping(8), such as the interval
 * @param prefix the words of a command that runs it elsewhere, such as in a network namespace
 */
export async function pingAll(
  address: string,
  count: number,
  more: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<void> {
  // Not -c: without a deadline, ping waits for the last answers no longer than one interval; with one, it ends after
  // as many answers, although a later request's may have overtaken one: daemons have several threads.
  const words = ["ping", "-n", "-w", String(limit), ...more, address];
  const [program = "", ...args] = [...prefix, ...words];
  const ping = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const read = (text: string) => {
    output += text;
    if (unanswered(output, count).length === 0) ping.kill("SIGINT");
  };
  for (const stream of [ping.stdout, ping.stderr]) stream.setEncoding("utf8").on("data", read);
  await once(ping, "close");
  assert.deepEqual(unanswered(output, count), [], output);
}

/** Returns which of the first `count` requests have no answer in what ping printed. Source: iputils' ping. */
export function unanswered(output: string, count: number): number[] {
  const lines = output.matchAll(/ bytes from .*: icmp_seq=(\d+) .* time=[\d.]+ ms$/gm);
  const answered = new Set([...lines].map(([, sequence]) => Number(sequence)));
  return Array.from({ length: count }, (_, index) => index + 1).filter((one) => !answered.has(one));
}
