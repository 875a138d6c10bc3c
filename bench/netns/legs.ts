import type { Section } from "./sections.js";

/** One iperf3 test of netns.sh. */
export interface LegName {
  readonly section: Section;
  readonly transport: "TCP" | "UDP";
  /** The family inside the tunnel; the section says which one is outside. */
  readonly inside: "IPv4" | "IPv6";
}

/** The outcome of one iperf3 test. */
export interface Leg extends LegName {
  /** Goodput at the receiver, in Gbit/s (10^9 bits a second). null: iperf3 did not finish. */
  readonly gbitPerSecond: number | null;
}

interface OpenLeg extends LegName {
  /** The client has printed its heading: what follows certainly belongs to this test. */
  connected: boolean;
  fromClient: number | null;
  fromAnyone: number | null;
}

const clientStep = /^NS\d: iperf3 (.*)-c (\S+)$/;
const receiverLine = /([\d.]+) ([KMGT]?)bits\/sec.*\breceiver\s*$/;
const bitsPerUnit = new Map([
  ["", 1],
  ["K", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["T", 1e12],
]);

/**
 * Collects the goodput of each iperf3 test from netns.sh's output. Client and server write into one stream,
 * each its whole report at its end, and both contain the receiver's rate. The client's report counts: a
 * server's can come so late that the next test has begun.
 */
export class LegReader {
  readonly #legs: OpenLeg[] = [];

  /** Takes a step of netns.sh. */
  step(step: string, section: Section): void {
    const [, options, address] = clientStep.exec(step) ?? [];
    if (options === undefined || address === undefined) return;
    this.#legs.push({
      section,
      transport: /(^| )-u /.test(options) ? "UDP" : "TCP",
      inside: address.includes(":") ? "IPv6" : "IPv4",
      connected: false,
      fromClient: null,
      fromAnyone: null,
    });
  }

  /** Takes any other line of its output. */
  line(line: string): void {
    const leg = this.#legs.at(-1);
    if (leg === undefined) return;
    if (line.startsWith("Connecting to host ")) leg.connected = true;
    const rate = receiverRate(line);
    if (rate === undefined) return;
    leg.fromAnyone = rate;
    if (leg.connected) leg.fromClient ??= rate;
  }

  /** The tests that have begun, in their order. */
  get legs(): Leg[] {
    return this.#legs.map(({ section, transport, inside, fromClient, fromAnyone }) => ({
      section,
      transport,
      inside,
      gbitPerSecond: fromClient ?? fromAnyone,
    }));
  }
}

function receiverRate(line: string): number | undefined {
  const [, figure, prefix] = receiverLine.exec(line) ?? [];
  const unit = bitsPerUnit.get(prefix ?? "");
  if (figure === undefined || unit === undefined) return undefined;
  const rate = (Number(figure) * unit) / 1e9;
  return Number.isFinite(rate) ? rate : undefined;
}
