import { WgBridgeError } from "../errors.js";

/** How long one UAPI exchange may take, in milliseconds. */
export const exchangeTimeout = 30_000;

/**
 * Runs work with a signal that fires when the caller's does or when the time is up. It settles with
 * work, or as soon as the signal fires.
 * @throws WgBridgeError WG_BRIDGE_TIMEOUT; or the reason of the caller's signal; or what work throws.
 */
export async function withDeadline<T>(
  what: string,
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const inner = new AbortController();
  const fired = new Promise<never>((_, reject) => {
    inner.signal.addEventListener("abort", () => reject(inner.signal.reason), { once: true });
  });
  const forward = () => inner.abort(outer?.reason);
  outer?.addEventListener("abort", forward, { once: true });
  const timer = setTimeout(() => inner.abort(timeout(what, milliseconds)), milliseconds);
  try {
    return await Promise.race([fired, work(inner.signal)]);
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
