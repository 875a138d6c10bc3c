import type { Turn } from "../bench.js";
import type { Reporting } from "../rounds.js";
import { ordinaryMtu } from "./figures.js";
import { type FlowLeg, flowLegs, flowLength, flows } from "./flows.js";
import { runOf, underLoad } from "./iperf3.js";
import { numberAt } from "./json.js";
import { LineProgram } from "./line-program.js";
import { trafficPath } from "./relay.js";
import { type End, TunnelPair } from "./tunnel-pair.js";

/** Where the flows arrive. */
const port = 5004;

/** Measures flows from the far end to the near one, beside a download of the near one. */
export async function measureFlows(
  leg: FlowLeg,
  { program, seconds: unit, congestion }: Turn,
  reporting: Reporting,
): Promise<void> {
  const seconds = unit * flowLength;
  const work = async (pair: TunnelPair) => {
    const at = `${pair.near.address}:${port}`;
    const [receiver, sender] = [
      await start(pair.near, "receive", at),
      await start(pair.far, "send", at),
    ];
    try {
      reporting.doing(leg);
      // The load outlasts the flows, so that none of them crosses an idle tunnel.
      const run = runOf(pair, seconds + 1, ["-R"], congestion[leg]);
      const { result, received: download } = await underLoad(run, () =>
        sender.ask({ flows: flows.map(({ rate, size }) => ({ rate, size })), seconds }, seconds),
      );
      // Whatever was before the end of the load in a queue has arrived.
      const arrived = await receiver.ask({}, 1);
      for (const [index, { name }] of flows.entries()) {
        const sent = numberAt(result, "sent", String(index));
        const flow = (field: string) => numberAt(arrived, "flows", String(index), field);
        const received = flow("received");
        if (!sent || !received) throw new Error(`Of the flow ${name} nothing arrived.`);
        for (const field of ["median", "p99", "jitter"]) {
          reporting.found(`${leg}-${name}-${field}`, flow(field) ?? Number.NaN);
        }
        reporting.found(`${leg}-${name}-loss`, (1 - received / sent) * 100);
      }
      reporting.found(`${leg}-tcp`, download.goodput / 1e9);
    } finally {
      await Promise.all([receiver.stop(), sender.stop()]);
    }
  };
  await TunnelPair.with(program, ordinaryMtu, work, flowLegs.get(leg));
}

/** Starts one of the programs of bench/traffic in the namespace of an end. */
function start({ namespace }: End, program: "send" | "receive", at: string): Promise<LineProgram> {
  return LineProgram.start(["ip", "netns", "exec", namespace, trafficPath, program, at]);
}
