/** Signals at which Go ends the tunnel well. */
const taken = ["SIGTERM", "SIGINT"] as const;

/** Others that would end this process at once, and leave the tunnel's socket behind. */
const fatal = ["SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const;

/** Milliseconds after which a signal is sent again that came too early for Go. */
const again = 20;

/**
 * The signals of a process in which Go runs one tunnel. While Go listens it takes SIGTERM and SIGINT.
 * Before and after that they come here: without a listener Node.js would end at once, or, once Go has
 * given the signal back, never. Every other signal that ends a process is turned into SIGTERM, so that it
 * cleans up first.
 */
export class OwnSignals {
  /** The signal, other than SIGTERM and SIGINT, that ended the tunnel. */
  fatal: NodeJS.Signals | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #forward = (signal: NodeJS.Signals): void => {
    if (fatal.some((one) => one === signal)) this.fatal ??= signal;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      process.kill(process.pid, "SIGTERM");
    }, again);
  };

  constructor() {
    for (const signal of [...taken, ...fatal]) process.on(signal, this.#forward);
  }

  /** The tunnel has ended. The listeners stay: the process is about to end, and no signal may change how. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const signal of [...taken, ...fatal]) {
      process.on(signal, ignore);
      process.removeListener(signal, this.#forward);
    }
  }
}

function ignore(): void {}
