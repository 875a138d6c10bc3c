import { constants } from "node:os";

/** The signals that ask a command to stop. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal that asked us to stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** What a shell makes of a program that this signal ended: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;

  constructor(signal: (typeof signals)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs `work` with a signal that aborts, with an Interrupted, when this process is asked to stop.
 * Until the work has settled the process stays, to clean up.
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const stop = (signal: (typeof signals)[number]) => controller.abort(new Interrupted(signal));
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
