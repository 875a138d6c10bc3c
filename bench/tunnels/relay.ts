import { packageRoot } from "../../src/artifacts.js";
import { LineProgram } from "./line-program.js";
import type { Identity } from "./tunnel-pair.js";

/** The program of bench/traffic, as scripts/build-go builds it. */
export const trafficPath = `${packageRoot}/build/bench/traffic`;

/** What lies between the two ends, as `traffic relay` reads it. */
export interface SlowPath {
  /** Bits a second. */
  readonly rate: number;
  /** One way, in milliseconds. */
  readonly delay: number;
  /** In bytes. */
  readonly queue: number;
  /** Which share of the datagrams is held up, and for how many milliseconds, so that later ones overtake them. */
  readonly reordering?: { readonly share: number; readonly late: number };
  /** Which share of the datagrams is lost, beside what the queue cannot hold. */
  readonly loss?: number;
}

/** A relay, and each end as the other one reaches it. */
export interface Relay {
  readonly program: LineProgram;
  readonly near: Identity;
  readonly far: Identity;
}

/** Starts a relay between two ends. */
export async function startRelay(path: SlowPath, near: Identity, far: Identity): Promise<Relay> {
  const [nearPort, farPort] = [10_004, 10_003];
  const program = await LineProgram.start([
    ...[trafficPath, "relay", `${farPort}:${near.port}`, `${nearPort}:${far.port}`],
    ...wordsOf(path),
  ]);
  return { program, near: { ...near, port: nearPort }, far: { ...far, port: farPort } };
}

/** A path as arguments of `traffic relay`. */
export function wordsOf({ rate, delay, queue, reordering, loss }: SlowPath): string[] {
  const words = [String(rate), `${delay}ms`, String(queue)];
  if (reordering === undefined && loss === undefined) return words;
  const { share, late } = reordering ?? { share: 0, late: 0 };
  return [...words, String(share), `${late}ms`, String(loss ?? 0)];
}
