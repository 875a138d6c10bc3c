import { type Qdisc, qdiscKinds } from "./qdisc.js";
import type { Row } from "./result.js";

/** UDP datagrams, or TCP streams. */
export type Load = "udp" | "tcp";

/** Datagrams a second: some 450 Mbit/s. */
const ordinaryRate = 40_000;

/** Payload that fills a packet of the tunnel's MTU, in bytes. */
export const udpSize = 1392;

/** Of TCP. */
export const streams = 40;

/** How long the load lasts, in seconds. */
export const loadSeconds = 8;

/** A case in which the server's path to peer x is congested, and y is another peer. */
export interface CongestionRow extends Row {
  /** With 2, y is behind an uplink of its own, which nothing limits. */
  readonly uplinks: 1 | 2;
  readonly qdisc: Qdisc;
  /** Mbit/s of the uplink to x; of no meaning for plain fq_codel. */
  readonly pathRate: number;
  readonly load: Load;
  /** Of UDP, in datagrams a second. */
  readonly rate: number;
  /** Whether it is measured if nobody says what to measure: all take too long. */
  readonly byDefault: boolean;
}

/** Of the uplink to x, in Mbit/s. */
const pathRates = [1, 4, 10, 100];

/** Every case. @param rate of UDP, in datagrams a second */
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

/** Leaves out rows that show what others do, and the one uplink that takes a minute to drain. */
function isDefault(uplinks: 1 | 2, qdisc: Qdisc, pathRate: number): boolean {
  if (qdisc === "htb-pfifo") return uplinks === 2 || pathRate > 1;
  return qdisc === "fq_codel" || pathRate === 10;
}
