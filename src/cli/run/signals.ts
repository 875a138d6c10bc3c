import type { ChildProcess } from "node:child_process";

const forwarded = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** How long a child may take to end after such a signal before it is killed, in milliseconds. */
const terminationGrace = 5_000;

/**
 * Passes on to a child what would end this process, so that neither stays without the other: a child that does
 * not end by it is killed. Make it before the child, so that no signal falls between.
 */
export class SignalForwarding {
  /** The signal that arrived last. */
  last: NodeJS.Signals | undefined;
  #child: ChildProcess | undefined;
  #killing: NodeJS.Timeout | undefined;
  readonly #forward = (signal: NodeJS.Signals): void => {
    this.last = signal;
    if (this.#child !== undefined) this.#end(this.#child, signal);
  };

  constructor() {
    for (const signal of forwarded) process.on(signal, this.#forward);
  }

  /** The child that gets the signals, also the one that arrived before it. */
  to(child: ChildProcess): void {
    this.#child = child;
    if (this.last !== undefined) this.#end(child, this.last);
  }

  stop(): void {
    clearTimeout(this.#killing);
    for (const signal of forwarded) process.removeListener(signal, this.#forward);
  }

  #end(child: ChildProcess, signal: NodeJS.Signals): void {
    child.kill(signal);
    this.#killing ??= setTimeout(() => child.kill("SIGKILL"), terminationGrace);
  }
}
