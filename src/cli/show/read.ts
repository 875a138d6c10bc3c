import { hasCode } from "../../errors.js";
import { attach } from "../../tunnel/open.js";
import { withDeadline } from "../../uapi/deadline.js";
import type { Shown } from "./text.js";

/**
 * How long an interface has to say its state, in milliseconds, where several are asked: an engine takes
 * milliseconds, and Prometheus waits for ten seconds by default.
 */
export const answerTimeout = 3_000;

/**
 * Asks an interface for its state.
 * @throws WgBridgeError as attach and status do, and WG_BRIDGE_TIMEOUT
 */
export function readShown(name: string, milliseconds = answerTimeout): Promise<Shown> {
  return withDeadline(`Asking ${name} for its state`, milliseconds, undefined, async (signal) => {
    await using tunnel = await attach(name, { resolve: false, signal });
    return { name, status: await tunnel.status(signal) };
  });
}

/** An interface that did not say its state, and why. */
export interface Unread {
  readonly name: string;
  readonly error: unknown;
}

/** Asks interfaces for their states, all at once, and each with a deadline of its own. */
export function readEach(names: readonly string[]): Promise<readonly (Shown | Unread)[]> {
  return Promise.all(
    names.map((name) => readShown(name).catch((error: unknown) => ({ name, error }))),
  );
}

/** Whether an interface that was there is not any more. */
export function isGone({ error }: Unread): boolean {
  return hasCode(error, "WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST");
}
