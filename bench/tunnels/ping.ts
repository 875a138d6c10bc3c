import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { quantile } from "../report/statistics.js";

const run = promisify(execFile);

/** Round-trip times in milliseconds. */
export interface PingTimes {
  readonly median: number;
  readonly p99: number;
}

/** Milliseconds between two requests. */
const interval = 5;

/** Pings for a time. */
export async function ping(
  namespace: string,
  address: string,
  seconds: number,
): Promise<PingTimes> {
  const count = String(Math.ceil((seconds * 1000) / interval));
  const words = ["ping", "-n", "-i", String(interval / 1000), "-c", count, "-W", "1", address];
  const { stdout } = await run("ip", ["netns", "exec", namespace, ...words], {
    maxBuffer: 64 << 20,
    timeout: seconds * 3000 + 15_000,
  }).catch((cause: unknown) => ({ stdout: outputOf(cause) }));
  return readPing(stdout);
}

/** ping ends with 1 where some answer was missing: what it printed still counts. */
function outputOf(cause: unknown): string {
  if (cause instanceof Error && "stdout" in cause && typeof cause.stdout === "string") {
    return cause.stdout;
  }
  throw cause;
}

/** Reads the times that ping printed. */
export function readPing(output: string): PingTimes {
  const times = [...output.matchAll(/ time=([\d.]+) ms$/gm)].map(([, time]) => Number(time));
  const [median, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  if (median === null || p99 === null) throw new Error("ping got no answer.");
  return { median, p99 };
}
