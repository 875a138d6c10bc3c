/** Starts the program under test: neither ip nor wg ends its command with a bare interface name. */
const startsProgram = (namespace: number, name: string) => (step: string) =>
  new RegExp(`^NS${namespace}: (?!ip |wg ).* ${name}$`).test(step);
const setsMtu = (step: string) => step.startsWith("NS1: ip link set wg1 mtu ");

/**
 * The parts of netns.sh in their order, with the step that begins each. The first begins before any step, and
 * the clean-up wherever the script stops.
 */
const table = [
  { name: "set-up", begins: () => false },
  {
    name: "IPv4 outside, MTU 1420",
    begins: (step: string) => /^NS0: wg set wg1 peer \S+ endpoint 127\.0\.0\.1:20000$/.test(step),
  },
  { name: "IPv4 outside, big MTU", begins: setsMtu },
  { name: "IPv6 outside, MTU 1420", begins: setsMtu },
  { name: "IPv6 outside, big MTU", begins: setsMtu },
  { name: "roaming, IPv4", begins: setsMtu },
  {
    name: "roaming, IPv6",
    begins: (step: string) => step === "NS1: wg set wg1 listen-port 9998",
  },
  {
    name: "crypto routing",
    begins: (step: string) =>
      /^NS1: wg set wg1 peer \S+ allowed-ips 192\.168\.241\.0\/24$/.test(step),
  },
  { name: "NAT", begins: startsProgram(1, "wg1") },
  { name: "sticky source", begins: startsProgram(1, "wg1") },
  { name: "reply to sender", begins: (step: string) => step === "NS1: ip link set veth1 down" },
  { name: "130,560 allowed IPs", begins: startsProgram(0, "wg0") },
  { name: "40 peers", begins: startsProgram(0, "wg0") },
  { name: "30 peers", begins: startsProgram(0, "wg0") },
  { name: "clean-up", begins: (step: string) => step === "NS0: ip link del dev wg1" },
] as const;

/** A part of netns.sh. */
export type Section = (typeof table)[number]["name"];

/** The parts of netns.sh, in the order in which it runs them. */
export const sections: readonly Section[] = table.map(({ name }) => name);

/** The part before the first step. */
export const firstSection: Section = "set-up";

/**
 * The part to which a step belongs that follows a step of part `current`: the same one, the next one, or the
 * clean-up. The script never goes back, and skips none before it stops.
 */
export function sectionOf(step: string, current: Section): Section {
  const next = table[sections.indexOf(current) + 1];
  if (next?.begins(step)) return next.name;
  return table[table.length - 1]?.begins(step) ? "clean-up" : current;
}
