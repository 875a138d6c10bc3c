import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How long answers are waited for, in seconds. */
const limit = 30;

/**
 * Pings an address, and fails if an answer is missing.
 * @param more words for ping(8), such as the interval
 * @param prefix the words of a command that runs it elsewhere, such as in a network namespace
 */
export async function pingAll(
  address: string,
  count: number,
  more: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<void> {
  // Without a deadline, ping waits for the last answers no longer than one interval. With one, -c counts answers,
  // and ping goes on: after a loss, a later answer is among the first.
  const words = ["ping", "-n", "-c", String(count), "-w", String(limit), ...more, address];
  const [program = "", ...args] = [...prefix, ...words];
  const { stdout } = await run(program, args);
  const wanted = Array.from({ length: count }, (_, index) => index + 1);
  // On a busy machine a daemon with several threads may let one overtake another.
  const got = answered(stdout).slice(0, count);
  assert.deepEqual(
    got.toSorted((one, other) => one - other),
    wanted,
    stdout,
  );
}

/** Returns the sequence numbers of the requests that were answered, in that order. Source: iputils' ping. */
export function answered(output: string): number[] {
  const lines = output.matchAll(/ bytes from .*: icmp_seq=(\d+) .* time=[\d.]+ ms$/gm);
  return [...lines].map(([, sequence]) => Number(sequence));
}
