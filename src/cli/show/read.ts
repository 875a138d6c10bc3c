import { withDeadline } from "../../deadline.js";
import type { DeviceStatus } from "../../device/status.js";
import { hasCode } from "../../errors.js";
import { attach } from "../../tunnel/open.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import { readCipher } from "../../uapi/about.js";
import { exchangeOverSocket } from "../../uapi/socket.js";
import type { Shown } from "./text.js";

/**
 * How long an interface has to answer, in milliseconds. An engine takes a few, and Prometheus gives up
 * after ten seconds by default.
 */
export const answerTimeout = 3_000;

/** How long one look of `--watch` waits for an answer, in milliseconds. */
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

/** Asks an interface by which instructions it encrypts; undefined if it does not say, or does not answer. */
export function readCipherOf(name: string): Promise<string | undefined> {
  return withDeadline(`Asking ${name} for its cipher`, answerTimeout, undefined, (signal) =>
    readCipher((request) => exchangeOverSocket(name, request, signal)),
  ).catch(() => undefined); // its state is known already, and worth more
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
 * Asks a question again and again. While it has not been answered, it is not asked anew: its answer counts for the look
 * in which it arrives.
 */
export class PatientQuestion<T> {
  readonly #what: string;
  readonly #ask: () => Promise<T>;
  #pending: Promise<T> | undefined;

  /** @param what is waited for, in a timeout's message */
  constructor(what: string, ask: () => Promise<T>) {
    this.#what = what;
    this.#ask = ask;
  }

  /** @throws WgBridgeError WG_BRIDGE_TIMEOUT after a second, or what asking throws */
  answer(): Promise<T> {
    const pending = this.#pending ?? this.#begin();
    return withDeadline(this.#what, lookTimeout, undefined, () => pending);
  }

  #begin(): Promise<T> {
    const pending = this.#ask().finally(() => {
      this.#pending = undefined;
    });
    pending.catch(() => {}); // the look that asked may have timed out
    this.#pending = pending;
    return pending;
  }
}

/** Asks a tunnel for its state. The signal aborts a question that is not answered. */
export function statusQuestion(tunnel: Tunnel, signal: AbortSignal): PatientQuestion<DeviceStatus> {
  return new PatientQuestion(stateOf(tunnel.name), () => tunnel.status({ signal }));
}
