import { constants } from "node:os";
import type { Child } from "./exec/child.js";
import type { ChildEnd } from "./exec/foreign.js";

/** Signals that ask for an orderly end. Go handles them while it runs a tunnel in this process. */
const orderly = ["SIGTERM", "SIGINT"] as const;

/** Other signals that end a process by default. With ffi they would leave the tunnel's socket behind. */
const fatal = ["SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const;

/** Signals that a child gets as well. */
const forwarded = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Milliseconds after which a signal that came before Go listened is sent again. */
const resendDelay = 20;

/**
 * Forwards to a child the signals that would end this process, so that neither outlives the other. A child that
 * does not end is killed. Make it before the child, so that no signal falls between.
 */
export class SignalForwarding {
  /** The signal that arrived last. */
  last: NodeJS.Signals | undefined;
  #child: Child | undefined;
  readonly #forward = (signal: NodeJS.Signals): void => {
    this.last = signal;
    void this.#child?.terminate(signal);
  };

  constructor() {
    for (const signal of forwarded) process.on(signal, this.#forward);
  }

  /** Names the child. It also gets a signal that arrived before it. */
  to(child: Child): void {
    this.#child = child;
    if (this.last !== undefined) void child.terminate(this.last);
  }

  /** The exit code, as a shell reports it, if the child ended by the signal that arrived last: it was for both. */
  exitCodeOf({ signal }: ChildEnd): number | undefined {
    return signal !== null && signal === this.last ? 128 + constants.signals[signal] : undefined;
  }

  stop(): void {
    for (const signal of forwarded) process.removeListener(signal, this.#forward);
  }
}

/**
 * The signals of a process in which Go runs one tunnel. Go takes SIGTERM and SIGINT while it listens. Before and
 * after that they arrive here: without a listener, Node.js would end at once, or never once Go has given the signal
 * back. The other signals are turned into SIGTERM, so that Go cleans up first.
 */
export class GoSignals {
  /** The signal, other than SIGTERM and SIGINT, that ended the tunnel. */
  fatal: NodeJS.Signals | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #resend = (signal: NodeJS.Signals): void => {
    if (fatal.some((one) => one === signal)) this.fatal ??= signal;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      process.kill(process.pid, "SIGTERM");
    }, resendDelay);
  };

  constructor() {
    for (const signal of [...orderly, ...fatal]) process.on(signal, this.#resend);
  }

  /** The tunnel has ended. The listeners stay: this process is about to end, and no signal may change how. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const signal of [...orderly, ...fatal]) {
      process.on(signal, ignore);
      process.removeListener(signal, this.#resend);
    }
  }
}

function ignore(): void {}
