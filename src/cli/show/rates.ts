import type { DeviceStatus } from "../../device/status.js";
import type { PublicKey } from "../../values/key.js";

/** How many rates of a peer are kept: the width of a sparkline. */
export const historyLength = 24;

/** What was received from a peer and sent to it, in bytes a second, the newest last. */
export interface Rates {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

interface Counted {
  readonly received: bigint;
  readonly sent: bigint;
}

/** Turns samples of counters into rates. */
export class RateHistory {
  #at: number | undefined;
  #counted = new Map<PublicKey, Counted>();
  #rates = new Map<PublicKey, Rates>();

  /** Adds a sample of the counters at `now`, in milliseconds, and forgets peers that are gone. */
  add({ peers }: DeviceStatus, now: number): void {
    const seconds = this.#at === undefined ? undefined : (now - this.#at) / 1000;
    const rates = new Map<PublicKey, Rates>();
    const counted = new Map<PublicKey, Counted>();
    for (const { publicKey, receivedBytes, sentBytes } of peers) {
      const before = this.#counted.get(publicKey);
      const history = this.#rates.get(publicKey) ?? { received: [], sent: [] };
      counted.set(publicKey, { received: receivedBytes, sent: sentBytes });
      rates.set(
        publicKey,
        before === undefined || !seconds
          ? history
          : {
              received: append(history.received, receivedBytes - before.received, seconds),
              sent: append(history.sent, sentBytes - before.sent, seconds),
            },
      );
    }
    this.#at = now;
    this.#counted = counted;
    this.#rates = rates;
  }

  /** Returns the rates of a peer: none before the second sample. */
  of(peer: PublicKey): Rates {
    return this.#rates.get(peer) ?? { received: [], sent: [] };
  }
}

/** A counter that decreased was reset by a restart of the program. */
function append(history: readonly number[], growth: bigint, seconds: number): readonly number[] {
  const rate = growth < 0n ? 0 : Number(growth) / seconds;
  return [...history, rate].slice(-historyLength);
}

const bars = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** Draws rates as a line of bars, of which the highest is full. */
export function sparkline(rates: readonly number[]): string {
  const highest = Math.max(...rates, 1);
  return rates
    .map((rate) => bars[Math.min(bars.length - 1, Math.floor((rate / highest) * bars.length))])
    .join("");
}
