import type { ChildProcess } from "node:child_process";

const forwarded = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * Passes on to a child what would end this process, so that neither stays without the other. Make
 * it before the child, so that no signal falls between.
 */
export class SignalForwarding {
  /** The signal that arrived last. */
  last: NodeJS.Signals | undefined;
  #child: ChildProcess | undefined;
  readonly #forward = (signal: NodeJS.Signals): void => {
    this.last = signal;
    this.#child?.kill(signal);
  };

  constructor() {
    for (const signal of forwarded) process.on(signal, this.#forward);
  }

  /** The child that gets the signals, also the one that arrived before it. */
  to(child: ChildProcess): void {
    this.#child = child;
    if (this.last !== undefined) child.kill(this.last);
  }

  stop(): void {
    for (const signal of forwarded) process.removeListener(signal, this.#forward);
  }
}
