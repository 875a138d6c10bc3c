import { type Qdisc, qdiscKinds } from "./qdisc.js";
import type { Row } from "./result.js";

/** What floods the path to x: UDP datagrams or TCP streams. */
export type Load = "udp" | "tcp";

/** Datagrams a second: about 450 Mbit/s. */
const ordinaryRate = 40_000;

/** The payload that fills a packet of the tunnel's MTU, in bytes. */
export const udpSize = 1392;

/** How many TCP streams the load has. */
export const streams = 40;

/** How long the load lasts, in seconds. */
export const loadSeconds = 8;

/** A case in which the server's path to peer x is congested. y is another peer. */
export interface CongestionRow extends Row {
  /** With 2, y is behind an uplink of its own, which is not limited. */
  readonly uplinks: 1 | 2;
  readonly qdisc: Qdisc;
  /** The rate of the uplink to x in Mbit/s. Plain fq_codel ignores it. */
  readonly pathRate: number;
  readonly load: Load;
  /** UDP datagrams a second. */
  readonly rate: number;
  /** Whether it is measured without --rows. All rows take too long. */
  readonly byDefault: boolean;
}

/** Rates of the uplink to x in Mbit/s. */
const pathRates = [1, 4, 10, 100];

/**
 * Returns every case.
 * @param rate UDP datagrams a second
 */
export function congestionRows(rate = ordinaryRate): CongestionRow[] {
  return qdiscKinds.flatMap((qdisc) =>
    (qdisc === "fq_codel" ? [100] : pathRates).flatMap((pathRate) =>
      ([1, 2] as const).flatMap((uplinks) =>
        (["udp", "tcp"] as const).map((load) => row(uplinks, qdisc, pathRate, load, rate)),
      ),
    ),
  );
}

function row(
  uplinks: 1 | 2,
  qdisc: Qdisc,
  pathRate: number,
  load: Load,
  rate: number,
): CongestionRow {
  const limited = qdisc !== "fq_codel";
  const path = limited ? `${qdisc} ${pathRate} Mbit/s` : `${qdisc}, no limit`;
  const pathId = limited ? [`${pathRate}m`] : [];
  return {
    id: [qdisc, ...pathId, uplinks === 1 ? "one" : "two", load].join("-"),
    title: `${path}, ${uplinks === 1 ? "one uplink" : "two uplinks"}, ${load.toUpperCase()}`,
    offered:
      load === "udp"
        ? `${rate} datagrams/s of ${udpSize} bytes, ${loadSeconds} s`
        : `${streams} streams, ${loadSeconds} s`,
    uplinks,
    qdisc,
    pathRate,
    load,
    rate,
    byDefault: isDefault(uplinks, qdisc, pathRate),
  };
}

/** Excludes rows that show nothing new, and the single uplink that takes a minute to drain. */
function isDefault(uplinks: 1 | 2, qdisc: Qdisc, pathRate: number): boolean {
  if (qdisc === "htb-pfifo") return uplinks === 2 || pathRate > 1;
  return qdisc === "fq_codel" || pathRate === 10;
}
