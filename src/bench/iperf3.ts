import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { numberAt, textAt } from "./json.js";

/** What iperf3's receiver got. */
export interface Received {
  /** Bits a second. */
  readonly goodput: number;
  readonly bytes: number;
  readonly packetsPerSecond: number;
  /** Percent of the packets; 0 for TCP. */
  readonly loss: number;
}

/** One run of iperf3 from namespace to namespace. */
export interface Iperf3Run {
  readonly client: string;
  readonly server: string;
  readonly serverAddress: string;
  readonly seconds: number;
  /** The client's further arguments: "-P", "4". */
  readonly args: readonly string[];
}

/** What setting up and ending a run may take beside its seconds, in milliseconds. */
const patience = 15_000;

/** Runs iperf3 once, and ends both of its processes whatever comes. */
export async function iperf3({ client, server, serverAddress, seconds, args }: Iperf3Run) {
  const listening = start(server, ["-s", "-1", "--forceflush", "-B", serverAddress]);
  let sending: ChildProcess | undefined;
  const kill = () => {
    listening.kill("SIGKILL");
    sending?.kill("SIGKILL");
  };
  const timer = setTimeout(kill, seconds * 1000 + patience);
  try {
    await untilListening(listening);
    sending = start(client, ["-J", "-c", serverAddress, "-t", String(seconds), ...args]);
    const output = await outputOf(sending);
    return readIperf3(output);
  } finally {
    clearTimeout(timer);
    kill();
  }
}

function start(namespace: string, args: readonly string[]): ChildProcess {
  return spawn("ip", ["netns", "exec", namespace, "iperf3", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function untilListening(server: ChildProcess): Promise<void> {
  if (server.stdout !== null) {
    for await (const line of createInterface(server.stdout)) {
      if (!line.startsWith("Server listening")) continue;
      server.stdout.resume();
      return;
    }
  }
  throw new Error("iperf3's server ended before it listened.");
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  await once(child, "close");
  return output;
}

/**
 * Reads what iperf3 -J printed, at either end. Its sum_received lacks what the receiver lost in UDP, so
 * there the sender's sum counts, less the loss.
 */
export function readIperf3(output: string): Received {
  let report: unknown;
  try {
    report = JSON.parse(output);
  } catch (cause) {
    throw new Error("iperf3 ended without a result.", { cause });
  }
  const error = textAt(report, "error");
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  const loss = numberAt(report, "end", "sum", "lost_percent");
  const sum = loss === undefined ? "sum_received" : "sum";
  const rate = numberAt(report, "end", sum, "bits_per_second");
  const bytes = numberAt(report, "end", sum, "bytes");
  const seconds = numberAt(report, "end", sum, "seconds");
  if (rate === undefined || bytes === undefined || !seconds) {
    throw new Error("iperf3's result lacks its sums.");
  }
  const arrived = 1 - (loss ?? 0) / 100;
  const packets = numberAt(report, "end", sum, "packets") ?? 0;
  return {
    goodput: rate * arrived,
    bytes: bytes * arrived,
    packetsPerSecond: (packets * arrived) / seconds,
    loss: loss ?? 0,
  };
}
