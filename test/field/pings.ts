import { execFile } from "node:child_process";
import { quantile } from "../../bench/report/statistics.js";
import { inNamespace } from "../suite/commands.js";

/** What ping(8) printed. Times are in milliseconds, null if there was no answer. */
export interface Pings {
  readonly sent: number;
  readonly answered: number;
  readonly median: number | null;
  readonly p99: number | null;
}

/** Seconds to wait for the answer to the last ping. */
const patience = 3;

/**
 * Pings an address from a namespace.
 * @param interval seconds between two pings
 */
export async function pings(
  namespace: string,
  address: string,
  count: number,
  interval: number,
): Promise<Pings> {
  const words = ["-n", "-c", String(count), "-i", String(interval), "-W", String(patience)];
  return readPings(await ping(namespace, [...words, address], count * interval + 4 * patience));
}

/**
 * Pings until the first answer.
 * @returns how long it took in seconds, or `limit` if no answer came until then
 */
export async function untilPingAnswered(
  namespace: string,
  address: string,
  limit: number,
): Promise<number> {
  const began = performance.now();
  // With a deadline, -c counts answers.
  const words = ["-n", "-c", "1", "-i", "0.2", "-w", String(limit), address];
  const { answered } = readPings(await ping(namespace, words, limit + patience));
  return answered === 0 ? limit : Math.min(limit, (performance.now() - began) / 1000);
}

/** Resolves with ping's output, whether or not there were answers. */
function ping(namespace: string, args: readonly string[], limit: number): Promise<string> {
  const [ip, ...words] = inNamespace(namespace, "ping", ...args);
  return new Promise((resolve, reject) => {
    execFile(ip, words, { timeout: limit * 1000, killSignal: "SIGKILL" }, (error, output) => {
      // Its exit status is 1 if no answer came.
      if (error === null || error.code === 1) resolve(output);
      else reject(error);
    });
  });
}

/** Parses the times and the summary of iputils' ping. */
export function readPings(output: string): Pings {
  const counts = /^(\d+) packets transmitted, (\d+) received/m.exec(output);
  if (counts === null) throw new Error(`ping printed no summary: ${output}`);
  const times = [...output.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time));
  return {
    sent: Number(counts[1]),
    answered: Number(counts[2]),
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}
