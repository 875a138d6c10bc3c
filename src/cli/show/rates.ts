import type { DeviceStatus } from "../../device/status.js";
import type { PublicKey } from "../../values/key.js";

/** How many rates are kept of a peer: what one sparkline shows. */
export const historyLength = 24;

/** What a peer received and sent, in bytes a second, the newest last. */
export interface Rates {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

interface Counted {
  readonly received: bigint;
  readonly sent: bigint;
}

/** Turns counters, looked at again and again, into rates. Pure. */
export class RateHistory {
  #at: number | undefined;
  #counted = new Map<PublicKey, Counted>();
  #rates = new Map<PublicKey, Rates>();

  /** Takes the counters of a look at `now`, in milliseconds. Peers that are gone are forgotten. */
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

  /** The rates of a peer, none before the second look. */
  of(peer: PublicKey): Rates {
    return this.#rates.get(peer) ?? { received: [], sent: [] };
  }
}

/** A counter that went back was set to zero by a new session of the program. */
function append(history: readonly number[], grown: bigint, seconds: number): readonly number[] {
  const rate = grown < 0n ? 0 : Number(grown) / seconds;
  return [...history, rate].slice(-historyLength);
}

const bars = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** Rates as a line of bars; the highest one is full. */
export function sparkline(rates: readonly number[]): string {
  const highest = Math.max(...rates, 1);
  return rates
    .map((rate) => bars[Math.min(bars.length - 1, Math.floor((rate / highest) * bars.length))])
    .join("");
}
