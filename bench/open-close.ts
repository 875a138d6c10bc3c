import { readdirSync, readFileSync } from "node:fs";
import { load } from "koffi";
import { libraryPath } from "../src/engine/files.js";
import { openTunnel } from "../src/index.js";
import { type Bench, programOf, type Turn } from "./bench.js";
import type { Reporting } from "./rounds.js";
import { turnInSandbox } from "./sandbox/sandbox.js";
import { memory } from "./tunnels/process.js";

/** How many tunnels a process opens and closes. */
const tunnels = 5000;

/** Caches and thread pools have grown to their size after so many. */
const warmUp = tunnels / 10;

const leg = { id: "open-close", title: `One process that opens and closes ${tunnels} tunnels` };

const holdings = { fds: "file descriptors", threads: "threads", goroutines: "goroutines" } as const;

/** What tunnels leave behind in a process. */
export const openClose: Bench = {
  name: "open-close",
  description: "Opens tunnels, asks for their status and closes them, and counts what is left.",
  subject: "every tunnel",
  tools: [],
  files: [],
  rounds: 1,
  legs: [leg],
  parts: [leg.id],
  figures: Object.entries({ ...holdings, memory: "resident memory" }).flatMap(([id, title]) =>
    [warmUp, tunnels].map((after) => ({
      id: `${id}-${after}`,
      leg: leg.id,
      title: `${title} after ${after}`,
      unit: id === "memory" ? "MiB" : "",
      better: "less",
      ffiToExec: false,
    })),
  ),
  reference: null,
  notes: ["goroutines: of the Go library in the process; exec has none."],
  goalsDecide: false,
  programs: () => ["exec", "ffi"].map((name) => programOf(name, [name])),
  measure: (turn, reporter, context) => turnInSandbox("open-close", turn, reporter, context),
  goals: () => [],
};

/** Opens and closes tunnels in this process, inside a sandbox. */
export async function openAndClose(
  _leg: string,
  { program }: Turn,
  reporting: Reporting,
): Promise<void> {
  const backend = program.name === "ffi" ? "ffi" : "exec";
  for (let round = 1; round <= tunnels; round++) {
    const tunnel = await openTunnel({ name: "wg0", backend, logLevel: "silent" });
    await tunnel.status();
    await tunnel.close();
    if (round % 100 === 0) reporting.doing(`${round} of ${tunnels} tunnels`);
    if (round !== warmUp && round !== tunnels) continue;
    const status = readFileSync("/proc/self/status", "utf8");
    // Less the descriptor that lists them.
    reporting.found(`fds-${round}`, readdirSync("/proc/self/fd").length - 1);
    reporting.found(`threads-${round}`, Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]));
    reporting.found(`memory-${round}`, memory(process.pid, "VmRSS"));
    if (backend === "exec") continue;
    reporting.found(
      `goroutines-${round}`,
      load(libraryPath(process.env)).func("int wgGoroutines()")(),
    );
  }
}
