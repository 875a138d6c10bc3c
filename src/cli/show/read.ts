import { withDeadline } from "../../deadline.js";
import type { DeviceStatus } from "../../device/status.js";
import { hasCode } from "../../errors.js";
import { attach } from "../../tunnel/open.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import type { Shown } from "./text.js";

/**
 * How long an interface has to answer, in milliseconds. An engine takes a few, and Prometheus gives up
 * after ten seconds by default.
 */
export const answerTimeout = 3_000;

/** How long one look of `show --watch` waits for an interface, in milliseconds. */
const lookTimeout = 1_000;

/**
 * Asks an interface for its state.
 * @throws WgBridgeError as attach and status do, and WG_BRIDGE_TIMEOUT
 */
export function readShown(name: string, milliseconds = answerTimeout): Promise<Shown> {
  return withDeadline(stateOf(name), milliseconds, undefined, async (signal) => {
    await using tunnel = await attach(name, { resolve: false, signal });
    return { name, status: await tunnel.status({ signal }) };
  });
}

/** What is waited for, in a timeout's message. */
function stateOf(name: string): string {
  return `Asking ${name} for its state`;
}

/** An interface whose state could not be read, and why. */
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

/** Whether the interface ended after it was listed. */
export function isGone({ error }: Unread): boolean {
  return hasCode(error, "WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST");
}

/**
 * Asks interfaces for their states again and again. While an interface has not answered, it is not asked
 * anew: its answer counts for the look in which it arrives.
 */
export class PatientAsker {
  readonly #signal: AbortSignal;
  readonly #pending = new Map<Tunnel, Promise<DeviceStatus>>();

  /** The signal aborts every pending request. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws WgBridgeError WG_BRIDGE_TIMEOUT after a second, or what the tunnel's status throws */
  status(tunnel: Tunnel): Promise<DeviceStatus> {
    const answer = this.#pending.get(tunnel) ?? this.#ask(tunnel);
    return withDeadline(stateOf(tunnel.name), lookTimeout, undefined, () => answer);
  }

  #ask(tunnel: Tunnel): Promise<DeviceStatus> {
    const answer = tunnel
      .status({ signal: this.#signal })
      .finally(() => this.#pending.delete(tunnel));
    answer.catch(() => {}); // the look that asked may have timed out
    this.#pending.set(tunnel, answer);
    return answer;
  }
}
