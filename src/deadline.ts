import { WgBridgeError } from "./errors.js";

/**
 * Settles as work does, or rejects with the signal's reason as soon as that fires. Work then goes on, and
 * nobody hears of its outcome.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    void work.then(resolve, reject).then(() => signal.removeEventListener("abort", giveUp));
  });
}

/**
 * Runs work with a signal that fires when the caller's does or when the time is up. Settles as work does, or
 * rejects as soon as the signal fires.
 * @throws WgBridgeError WG_BRIDGE_TIMEOUT; or the reason of the caller's signal; or what work throws
 */
export async function withDeadline<T>(
  what: string,
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withTimeLimit(
    milliseconds,
    () => timeout(what, milliseconds),
    outer,
    (signal) => untilAborted(work(signal), signal),
  );
}

// Not by AbortSignal.timeout and AbortSignal.any. Node.js 20 collects a timeout that only a combined signal refers
// to, and then it never fires. Their timers and listeners live on after work that is done in a millisecond, for half
// a minute and as long as the caller's signal, and they keep no process alive.

/**
 * Runs work with a signal that fires when the caller's does or when the time is up, and settles as work does.
 * @param reason makes the signal's reason, when the time is up
 * @throws the reason of the caller's signal, if that has fired before; or what work throws
 */
export async function withTimeLimit<T>(
  milliseconds: number,
  reason: () => Error,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const inner = new AbortController();
  const forward = () => inner.abort(outer?.reason);
  outer?.addEventListener("abort", forward, { once: true });
  const timer = setTimeout(() => inner.abort(reason()), milliseconds);
  try {
    return await work(inner.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", forward);
  }
}

function timeout(what: string, milliseconds: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_TIMEOUT",
    `${what} took longer than ${milliseconds / 1000} s. The machine may be overloaded, or the backend hangs: try again, or start the tunnel anew.`,
  );
}
