import { execa } from "execa";
import { quantile } from "../report/statistics.js";

/** Round-trip times in milliseconds. */
export interface PingTimes {
  readonly median: number;
  readonly p99: number;
}

/** Milliseconds between two requests. */
const interval = 5;

/** Pings for so many seconds. */
export async function ping(
  namespace: string,
  address: string,
  seconds: number,
): Promise<PingTimes> {
  const count = String(Math.ceil((seconds * 1000) / interval));
  const words = ["ping", "-n", "-i", String(interval / 1000), "-c", count, "-W", "1", address];
  // Its exit status is 1 if an answer is missing: what it printed counts all the same.
  const { stdout } = await execa("ip", ["netns", "exec", namespace, ...words], {
    reject: false,
    timeout: seconds * 3000 + 15_000,
  });
  return readPing(stdout);
}

/** Reads the times that ping printed. */
export function readPing(output: string): PingTimes {
  const times = [...output.matchAll(/ time=([\d.]+) ms$/gm)].map(([, time]) => Number(time));
  const [median, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  if (median === null || p99 === null) throw new Error("ping got no answer.");
  return { median, p99 };
}
