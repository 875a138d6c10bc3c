import { type Figure, figureOf } from "../bench.js";
import { linkOf } from "./links.js";
import type { SlowPath } from "./relay.js";

/** A steady sequence of datagrams. */
interface Flow {
  readonly name: string;
  /** Datagrams a second. */
  readonly rate: number;
  /** Bytes of payload. */
  readonly size: number;
}

/** What runs beside a download. The video is 3 Mbit/s of QUIC's usual datagrams. */
export const flows: readonly Flow[] = [
  { name: "call", rate: 50, size: 200 },
  { name: "game", rate: 30, size: 100 },
  { name: "video", rate: 312.5, size: 1200 },
];

/** The flows run so many times the seconds of other runs: of 30 datagrams none is the hundredth. */
export const flowLength = 5;

/** The legs with flows, and what lies between the tunnels. */
export const flowLegs: ReadonlyMap<FlowLeg, SlowPath | undefined> = new Map<
  FlowLeg,
  SlowPath | undefined
>([
  ["flows", undefined],
  ["flows-20", linkOf(20)],
]);

/** A leg with flows. */
export type FlowLeg = "flows" | "flows-20";

/** Reports whether a leg has flows. */
export function isFlowLeg(leg: string): leg is FlowLeg {
  return leg === "flows" || leg === "flows-20";
}

/** The figures of the flows. */
export const flowFigures: readonly Figure[] = [...flowLegs.keys()].flatMap((leg) => [
  ...flows.flatMap(({ name }) => [
    figureOf(`${leg}-${name}-median`, leg, `${name}, one way, median`, "ms", "less"),
    figureOf(`${leg}-${name}-p99`, leg, `${name}, one way, p99`, "ms", "less"),
    figureOf(`${leg}-${name}-jitter`, leg, `${name}, jitter`, "ms", "less"),
    figureOf(`${leg}-${name}-loss`, leg, `${name}, loss`, "%", "less"),
  ]),
  figureOf(`${leg}-tcp`, leg, "TCP beside them, down", "Gbit/s", "more"),
]);
