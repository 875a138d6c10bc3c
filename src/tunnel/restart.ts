/** How a lost backend is started again. */
export interface RestartOptions {
  /** Milliseconds before the first attempt; each further one waits twice as long. Default 100. */
  readonly delay?: number;
  /** The longest wait in milliseconds. Default 30 s. */
  readonly maxDelay?: number;
  /** Attempts in a row before the tunnel is given up. Default: no end. */
  readonly attempts?: number;
  /** Milliseconds that a tunnel has to last for the waits to begin anew. Default 10 s. */
  readonly settled?: number;
}

/** Counts attempts and says how long to wait before each. Pure. */
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

  /** The next attempt's number and its wait in milliseconds; undefined where there are no more. */
  next(): { readonly attempt: number; readonly delay: number } | undefined {
    if (this.#failed >= this.#attempts) return undefined;
    const delay = Math.min(this.#delay * 2 ** this.#failed, this.#maxDelay);
    this.#failed++;
    return { attempt: this.#failed, delay };
  }

  /** The tunnel worked for so many milliseconds. */
  worked(milliseconds: number): void {
    if (milliseconds >= this.#settled) this.#failed = 0;
  }
}
