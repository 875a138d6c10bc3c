/** How to restart a lost backend. */
export interface RestartOptions {
  /** Milliseconds before the first attempt; the delay doubles with each further one. Default 100. */
  readonly delay?: number;
  /** The maximum delay in milliseconds. Default 30 s. */
  readonly maxDelay?: number;
  /** Attempts in a row after which the tunnel is given up. Default: unlimited. */
  readonly attempts?: number;
  /** Milliseconds that a tunnel must stay up for the delays to start over. Default 10 s. */
  readonly settled?: number;
}

/** Counts attempts and computes the delay before each. */
export class Backoff {
  readonly #delay: number;
  readonly #maxDelay: number;
  readonly #attempts: number;
  readonly #settled: number;
  #failed = 0;

  constructor({ delay = 100, maxDelay = 30_000, attempts, settled = 10_000 }: RestartOptions) {
    this.#delay = delay;
    this.#maxDelay = maxDelay;
    this.#attempts = attempts ?? Number.POSITIVE_INFINITY;
    this.#settled = settled;
  }

  /** Returns the next attempt's number and its delay in milliseconds, or undefined if there are no more. */
  next(): { readonly attempt: number; readonly delay: number } | undefined {
    if (this.#failed >= this.#attempts) return undefined;
    const delay = Math.min(this.#delay * 2 ** this.#failed, this.#maxDelay);
    this.#failed++;
    return { attempt: this.#failed, delay };
  }

  /** Takes note that the tunnel was up for so many milliseconds. */
  wasUp(milliseconds: number): void {
    if (milliseconds >= this.#settled) this.#failed = 0;
  }
}
