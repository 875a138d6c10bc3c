import { fileURLToPath } from "node:url";
import { executablePath, userspaceExecutablePath } from "../../src/engine/files.js";
import { requireTrustedFile } from "../../src/trust.js";
import { type Bench, programOf } from "../bench.js";
import { usual } from "../congestion.js";
import { turnInSandbox } from "../sandbox/sandbox.js";
import { trafficPath } from "../tunnels/relay.js";
import { figures, legs, legTitles } from "./figures.js";
import { builtForwarders, missingForwarders } from "./forwarders.js";
import { goalsOf } from "./goals.js";

const client = fileURLToPath(new URL("./client.js", import.meta.url));

/** The benchmark of userspace tunnels. */
export const userspace: Bench = {
  name: "userspace",
  description: "Measures userspace tunnels against upstream's netstack, and against TUN.",
  subject: "every part",
  tools: ["wg", "ping"],
  files: [trafficPath],
  rounds: 9,
  legs: legs.map((id) => ({ id, title: legTitles[id] })),
  parts: legs,
  congestion: new Map(legs.map((leg) => [leg, usual])),
  figures,
  reference: "tun",
  get notes() {
    return [
      "The far end is always exec on TUN, with a server behind it. Up: from the near end to the far one.",
      "tun: the same client over exec on TUN. upstream and netstack: a Go client with our Bind, over upstream's netstack or ours. exec, ffi: Node.js over a userspace tunnel.",
      "CPU of the near end: the client with whatever carries its packets. forward: the same client over tun without one.",
      ...missingForwarders(),
    ];
  },
  goalsDecide: true,
  programs(_options, env) {
    requireTrustedFile(executablePath(env), "WIREGUARD_GO_EXECUTABLE");
    requireTrustedFile(userspaceExecutablePath(env), "WIREGUARD_GO_USERSPACE_EXECUTABLE");
    const node = (kind: string) => [process.execPath, "--expose-gc", client, kind];
    const go = (network: string) => [trafficPath, "client", network];
    return [
      programOf("tun", go("kernel"), { host: node("tun") }),
      programOf("upstream", go("upstream")),
      programOf("netstack", go("netstack")),
      ...builtForwarders().map(({ name, path }) => programOf(name, [path], { judged: false })),
      ...["exec", "ffi"].map((name) => programOf(name, node(name), { host: node(name) })),
    ];
  },
  measure: (turn, reporter, context) => turnInSandbox("userspace", turn, reporter, context),
  goals: ({ figures }) => goalsOf(figures),
};
