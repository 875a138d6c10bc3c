import { messageOf } from "../../errors.js";
import { printable } from "../../text/printable.js";
import { isLive } from "../../text/style.js";
import { type Counters, RateHistory } from "../show/rates.js";
import { PatientQuestion, statusQuestion } from "../show/read.js";
import { Screen } from "../show/screen.js";
import { formatTable, rateCells, rateTitles } from "../show/table.js";
import { lookAgain, painter, peersView } from "../show/watch.js";
import type { Messages } from "./messages.js";
import { type Offer, offersOf, type Subject } from "./offers.js";

/**
 * Shows the peers and the proxies live, until the user types q or Ctrl-C, or the signal fires. An output that is not a
 * terminal gets one view after another.
 */
export async function watchProxy(
  subject: Subject,
  messages: Messages,
  { interval, env }: { readonly interval: number; readonly env: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<void> {
  const live = isLive(process.stdout, env);
  // On a terminal both streams would be written over each other.
  using _held = live && process.stderr.isTTY ? messages.hold() : undefined;
  using screen = new Screen(process.stdout, process.stdin, live, []); // signals are the command's
  const stop = new AbortController();
  const { tunnel, proxy } = subject;
  const question = new PatientQuestion("Asking the proxies for their counts", () =>
    proxy.stats(stop.signal),
  );
  const peers = peersView(tunnel.name, statusQuestion(tunnel, stop.signal));
  const rates = new RateHistory();
  const proxies = async () => {
    try {
      const offers = offersOf(proxy.addresses, subject.spec, await question.answer());
      rates.add(offerCounters(offers), Date.now());
      return formatOffers(offers, rates);
    } catch (error) {
      return [printable(messageOf(error))];
    }
  };
  const paint = painter(env);
  const look = async () => {
    const [above, below] = await Promise.all([peers(), proxies()]);
    const said = messages.held.map((message) => printable(message));
    return paint([...above, "", ...below, ...(said.length > 0 ? ["", ...said] : [])]);
  };
  const over = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  await lookAgain(look, (lines) => screen.draw(lines), interval, stop, [screen.quit, over]);
}

/** Returns the counters of each part, by its kind and where it listens. */
export function offerCounters(offers: readonly Offer[]): ReadonlyMap<string, Counters> {
  return new Map(
    offers.map((offer) => {
      const { receivedBytes, sentBytes } = offer.counts;
      return [nameOf(offer), { received: BigInt(receivedBytes), sent: BigInt(sentBytes) }];
    }),
  );
}

function nameOf({ kind, listen }: Offer): string {
  return `${kind} ${listen}`;
}

/** Formats a header, and a line for each part. */
export function formatOffers(offers: readonly Offer[], rates: RateHistory): readonly string[] {
  const rows = offers.map((offer) => {
    const { kind, listen, target, counts } = offer;
    return [
      kind,
      printable(target === undefined ? listen : `${listen} to ${target}`),
      String(counts.active),
      String(counts.accepted),
      String(counts.failed),
      ...rateCells(rates.of(nameOf(offer))),
    ];
  });
  return formatTable(["proxy", "at", "open", "clients", "failed", ...rateTitles], rows);
}
