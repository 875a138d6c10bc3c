import { type Figure, figureOf } from "../bench.js";
import type { SlowPath } from "./relay.js";

/** The round trips of the links, in milliseconds. */
const roundTrips = [5, 20, 50, 100] as const;

/** The share of the datagrams that a link with loss loses each way. */
const loss = 0.001;

/** Bits a second: more than any program here reaches, so that a program is the bottleneck as in the other legs. */
const rate = 10e9;

/** How many streams share a link. */
export const linkStreams = [1, 4] as const;

/** A run over a link takes so many times the seconds of others: a stream needs time to fill it. */
export const linkLength = 5;

/** The legs over a link with delay. */
export type LinkLeg = `link-${(typeof roundTrips)[number]}${"" | "-loss"}`;

/** A link with this round trip, in milliseconds, whose queue holds what it carries in one. */
export function linkOf(roundTrip: number, lost = 0): SlowPath {
  const queue = (rate / 8) * (roundTrip / 1000);
  return { rate, delay: roundTrip / 2, queue, loss: lost };
}

/** What lies between the tunnels in these legs. */
export const links: ReadonlyMap<LinkLeg, SlowPath> = new Map(
  roundTrips.flatMap((roundTrip): [LinkLeg, SlowPath][] => [
    [`link-${roundTrip}`, linkOf(roundTrip)],
    [`link-${roundTrip}-loss`, linkOf(roundTrip, loss)],
  ]),
);

/** The figures of the links. */
export const linkFigures: readonly Figure[] = [...links.keys()].flatMap((leg) =>
  linkStreams.flatMap((streams) => {
    const [id, title] = [`${leg}-${streams}`, streams === 1 ? "1 stream" : `${streams} streams`];
    return [
      figureOf(id, leg, `${title} up`, "Gbit/s", "more"),
      figureOf(`${id}-ping-median`, leg, `ping under ${title}, median`, "ms", "less"),
      figureOf(`${id}-ping-p99`, leg, `ping under ${title}, p99`, "ms", "less"),
      figureOf(`${id}-retransmissions`, leg, `${title}, sent again`, "1/GB", "less"),
    ];
  }),
);
