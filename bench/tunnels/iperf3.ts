import { createInterface } from "node:readline";
import { execa } from "execa";
import { numberAt, textAt } from "./json.js";
import type { TunnelPair } from "./tunnel-pair.js";

/** What iperf3's receiver got. */
export interface Received {
  /** Bits a second. */
  readonly goodput: number;
  readonly bytes: number;
  /** 0 for TCP. */
  readonly packetsPerSecond: number;
  /** Percent of the packets; 0 for TCP. */
  readonly loss: number;
  /** Segments that the sender sent again; 0 for UDP. */
  readonly retransmissions: number;
  /** The sender's congestion control. undefined: for UDP. */
  readonly congestion: string | undefined;
}

/** One run of iperf3 from namespace to namespace. */
export interface Iperf3Run {
  readonly client: string;
  readonly server: string;
  readonly serverAddress: string;
  readonly seconds: number;
  /** The client's further arguments: "-P", "4". */
  readonly args: readonly string[];
  /** The congestion control that both ends are to use. undefined: for UDP. */
  readonly congestion?: string | undefined;
}

/** A run of iperf3 from the near end to the far one. */
export function runOf(
  { near, far }: TunnelPair,
  seconds: number,
  args: readonly string[],
  congestion?: string,
): Iperf3Run {
  return {
    client: near.namespace,
    server: far.namespace,
    serverAddress: far.address,
    seconds,
    args,
    congestion,
  };
}

/** How long setting up and ending a run may take in addition to its seconds, in milliseconds. */
const patience = 15_000;

/** Runs iperf3 once. Both of its processes have ended when this settles. */
export function iperf3(run: Iperf3Run): Promise<Received> {
  return session(run, ({ received }) => received);
}

/** Does the work while iperf3 runs, once its first stream is connected. */
export function underLoad<Result>(
  run: Iperf3Run,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly received: Received }> {
  return session(run, async (session) => {
    const [result, received] = await Promise.all([session.begun.then(work), session.received]);
    return { result, received };
  });
}

interface Session {
  readonly begun: Promise<void>;
  readonly received: Promise<Received>;
}

async function session<Result>(
  { client, server, serverAddress, seconds, args, congestion }: Iperf3Run,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  const limit = seconds * 1000 + patience;
  const timeout = AbortSignal.timeout(limit);
  const cancelSignal = AbortSignal.any([ended.signal, timeout]);
  const start = (namespace: string, words: readonly string[]) =>
    execa("ip", ["netns", "exec", namespace, "iperf3", ...words], {
      ...({ stdin: "ignore", reject: false, cancelSignal, killSignal: "SIGKILL" } as const),
    });
  // iperf3 flushes its output at the end of an interval only.
  const reporting = ["--forceflush", "-i", "0.1"];
  const serving = start(server, ["-s", "-1", ...reporting, "-B", serverAddress]);
  const processes: Promise<unknown>[] = [serving];
  try {
    const lines = createInterface(serving.stdout);
    const lineWith = (text: string) =>
      new Promise<void>((resolve, reject) => {
        lines.on("line", (line) => {
          if (line.includes(text)) resolve();
        });
        lines.once("close", () => reject(new Error(`iperf3's server ended before its${text}.`)));
      });
    const begun = lineWith(" connected to ");
    begun.catch(() => undefined);
    await lineWith("Server listening");
    const pinned = congestion === undefined ? [] : ["-C", congestion];
    const words = ["-J", "-c", serverAddress, "-t", String(seconds), ...pinned, ...args];
    const sending = start(client, words);
    processes.push(sending);
    const received = sending.then(({ stdout }) => checked(readIperf3(stdout), congestion));
    return await work({ begun, received });
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new Error(`iperf3 was not done after ${limit / 1000} s.`, { cause: error });
  } finally {
    ended.abort();
    // The next server wants the same port.
    await Promise.all(processes);
  }
}

/** Checks that the sender used the congestion control that was asked for. */
function checked(received: Received, asked: string | undefined): Received {
  if (received.congestion === asked) return received;
  const used = received.congestion ?? "no congestion control";
  throw new Error(`iperf3 used ${used}, not ${asked ?? "the one that was asked for"}.`);
}

/** Reads what iperf3 -J printed at its client. Source: iperf3's own JSON, of version 3.12. */
export function readIperf3(output: string): Received {
  let report: unknown;
  try {
    report = JSON.parse(output);
  } catch (cause) {
    throw new Error("iperf3 ended without a result.", { cause });
  }
  const error = textAt(report, "error");
  if (error !== undefined) throw new Error(`iperf3: ${error}.`);
  const sum = (field: string) => numberAt(report, "end", "sum_received", field);
  const [goodput, bytes, seconds] = [sum("bits_per_second"), sum("bytes"), sum("seconds")];
  if (goodput === undefined || bytes === undefined || !seconds) {
    throw new Error("iperf3's result has no sums.");
  }
  // "packets" counts by sequence numbers, so it includes the lost ones.
  const packets = (sum("packets") ?? 0) - (sum("lost_packets") ?? 0);
  return {
    goodput,
    bytes,
    packetsPerSecond: packets / seconds,
    loss: sum("lost_percent") ?? 0,
    retransmissions: numberAt(report, "end", "sum_sent", "retransmits") ?? 0,
    congestion: textAt(report, "end", "sender_tcp_congestion"),
  };
}
