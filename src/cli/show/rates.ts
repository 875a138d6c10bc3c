import type { DeviceStatus } from "../../device/status.js";

/** How many rates are kept of each counter: the width of a sparkline. */
export const historyLength = 24;

/** What was received and sent, in bytes a second, the newest last. */
export interface Rates {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

/** Counters of bytes at one time. */
export interface Counters {
  readonly received: bigint;
  readonly sent: bigint;
}

/** Returns the counters of each peer, by its public key. */
export function peerCounters({ peers }: DeviceStatus): ReadonlyMap<string, Counters> {
  return new Map(
    peers.map(({ publicKey, receivedBytes, sentBytes }) => [
      publicKey,
      { received: receivedBytes, sent: sentBytes },
    ]),
  );
}

/** Turns samples of counters into rates. */
export class RateHistory {
  #at: number | undefined;
  #counted: ReadonlyMap<string, Counters> = new Map();
  #rates = new Map<string, Rates>();

  /** Adds a sample of all counters at `now`, in milliseconds, and forgets those that are gone. */
  add(counted: ReadonlyMap<string, Counters>, now: number): void {
    const seconds = this.#at === undefined ? undefined : (now - this.#at) / 1000;
    const rates = new Map<string, Rates>();
    for (const [name, { received, sent }] of counted) {
      const before = this.#counted.get(name);
      const history = this.#rates.get(name) ?? { received: [], sent: [] };
      rates.set(
        name,
        before === undefined || !seconds
          ? history
          : {
              received: append(history.received, received - before.received, seconds),
              sent: append(history.sent, sent - before.sent, seconds),
            },
      );
    }
    this.#at = now;
    this.#counted = counted;
    this.#rates = rates;
  }

  /** Returns the rates of what has this name: none before the second sample. */
  of(name: string): Rates {
    return this.#rates.get(name) ?? { received: [], sent: [] };
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

/** Formats bytes a second; "" if there is no rate yet. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return "";
  const units = ["B/s", "KiB/s", "MiB/s", "GiB/s"];
  let unit = 0;
  while (unit < units.length - 1 && rate >= 1024 ** (unit + 1)) unit++;
  return `${(rate / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
