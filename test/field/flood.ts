import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { numberAt } from "../../bench/tunnels/json.js";
import { packageRoot } from "../../src/artifacts.js";
import { inNamespace } from "../suite/commands.js";

/** The program that `scripts/build-go flood` builds. */
const program = `${packageRoot}/build/field/flood`;

/** How long starting and ending a flood may take besides its seconds, in milliseconds. */
const patience = 15_000;

/** UDP datagrams at a fixed rate. */
export interface Flood {
  readonly namespace: string;
  /** The first destination, "10.101.0.1:9". */
  readonly to: string;
  /** How many consecutive addresses; default 1. */
  readonly destinations?: number;
  /** Flood them one after the other, instead of sending a datagram to each in turn. */
  readonly each?: boolean;
  /** Payload in bytes. */
  readonly size: number;
  /** Datagrams a second. */
  readonly rate: number;
  /** How many datagrams each write passes to the kernel, which segments them; default 1. */
  readonly joined?: number;
  /** Milliseconds between two bursts; default 4. */
  readonly tick?: number;
  /** With `each`, the seconds for each destination. */
  readonly seconds: number;
  /** Sends WireGuard data messages for this receiver index, or for random ones. */
  readonly receiver?: number | "random";
}

/** The result of a flood, in datagrams. */
export interface Flooded {
  readonly offered: number;
  /** Accepted by the kernel. */
  readonly sent: number;
}

/** Sends a flood, and resolves once it has ended. */
export async function flood(options: Flood): Promise<Flooded> {
  const {
    namespace,
    to,
    destinations = 1,
    each = false,
    joined = 1,
    size,
    rate,
    tick,
    seconds,
    receiver,
  } = options;
  const words = {
    "-size": size,
    "-rate": rate,
    "-seconds": seconds,
    "-destinations": destinations,
    "-joined": joined,
    ...(tick === undefined ? {} : { "-tick": `${tick}ms` }),
    ...(receiver === undefined ? {} : { "-receiver": receiver }),
  };
  const args = Object.entries(words).flatMap(([name, value]) => [name, String(value)]);
  const limit = seconds * (each ? destinations : 1) * 2000 + patience;
  const output = await runFlood(namespace, [...args, ...(each ? ["-each"] : []), to], limit);
  const result: unknown = JSON.parse(output);
  const [offered, sent] = [numberAt(result, "offered"), numberAt(result, "sent")];
  if (offered === undefined || sent === undefined) throw new Error(`flood printed ${output}`);
  return { offered, sent };
}

/**
 * Captures a WireGuard data message to this port, and resolves with its receiver index.
 * @param provoke causes traffic; called once the capture has started
 */
export async function captureReceiver(
  namespace: string,
  port: number,
  provoke: () => Promise<unknown>,
): Promise<number> {
  const output = await runFlood(namespace, ["capture", String(port)], patience, provoke);
  return Number(output);
}

/** @param onStarted called once the program writes to its standard error */
async function runFlood(
  namespace: string,
  args: readonly string[],
  limit: number,
  onStarted?: () => Promise<unknown>,
): Promise<string> {
  if (!existsSync(program)) throw new Error(`${program} has not been built: run scripts/setup.`);
  const [ip, ...words] = inNamespace(namespace, program, ...args);
  const child = spawn(ip, words, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: limit,
    killSignal: "SIGKILL",
  });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const ended = once(child, "close");
  if (onStarted !== undefined) {
    await Promise.race([once(child.stderr, "data"), ended]);
    await onStarted();
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`flood failed: ${errors.trim() || `it took over ${limit} ms`}`);
  return output;
}
