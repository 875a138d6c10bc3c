import { fileURLToPath } from "node:url";
import { packageRoot, upstreamExecutablePath } from "../../src/artifacts.js";
import { executablePath } from "../../src/engine/files.js";
import { requireTrustedFile } from "../../src/trust.js";
import { type Bench, programOf } from "../bench.js";
import { turnInSandbox } from "../sandbox/sandbox.js";
import { congestion, figures, legs, legTitles, onRequest } from "./figures.js";
import { handshakesClientPath } from "./handshakes.js";

const main = `${packageRoot}/dist/src/cli/main.js`;
const host = fileURLToPath(new URL("./event-loop-host.js", import.meta.url));

/** The benchmark of two tunnels that are each other's peer. */
export const tunnels: Bench = {
  name: "tunnels",
  description: "Measures exec, ffi and upstream's wireguard-go, each time with two tunnels.",
  subject: "every part",
  tools: ["wg", "iperf3", "ping"],
  files: [upstreamExecutablePath, handshakesClientPath],
  rounds: 9,
  legs: legs.map((id) => ({ id, title: legTitles[id] })),
  parts: legs,
  onRequest,
  congestion,
  figures,
  reference: "upstream",
  notes: [
    "A tunnel has one peer unless a line names more. Up: from the near end to the far one; down: the other way.",
    "exec is the executable alone, ffi is Node.js with the library. Every program is started in a session of its own.",
  ],
  goalsDecide: true,
  // exec is the executable itself, since Node.js only starts it.
  programs({ also, without }, env) {
    requireTrustedFile(executablePath(env), "WIREGUARD_GO_EXECUTABLE");
    const exec = [executablePath(env)];
    const ffi = [process.execPath, main, "--backend=ffi"];
    return [
      programOf("upstream", [upstreamExecutablePath]),
      ...also.map(({ name, path }) => programOf(name, [path], { judged: false })),
      programOf("exec", exec, { host: [process.execPath, host, "exec"] }),
      programOf("ffi", ffi, { host: [process.execPath, host, "ffi"] }),
      ...without.map((levers) =>
        programOf(`exec -${levers}`, exec, { env: { WG_BRIDGE_DISABLE: levers } }),
      ),
    ];
  },
  measure: (turn, reporter, context) => turnInSandbox("tunnels", turn, reporter, context),
  goals: () => [],
};
