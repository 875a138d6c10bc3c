import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { packageRoot, upstreamExecutablePath } from "../src/artifacts.js";
import { executablePath } from "../src/engine/files.js";
import { type Bench, type Figure, programOf, type Turn } from "./bench.js";
import { median } from "./report/statistics.js";
import type { Reporting } from "./rounds.js";
import { turnInSandbox } from "./sandbox/sandbox.js";
import { Daemon } from "./tunnels/daemon.js";

/** How often a program is started in each way in a round. */
const starts = 3;

/** The program with which Node.js does nothing. */
const nothing = "node -e 0";

/** wg-bridge may take so many times what Node.js and the executable take by themselves. */
const ratioGoal = 1.5;

/** The leg of start-up, here and in the comparison. */
export const startUpLeg = { id: "start-up", title: "Start-up, launch to UAPI answering" };

/** Its figures. */
export const startUpFigures: readonly Figure[] = [
  ["start-background", "PROGRAM INTERFACE"] as const,
  ["start-foreground", "PROGRAM -f INTERFACE"] as const,
].map(([id, title]) => ({
  ...{ id, title, leg: startUpLeg.id, unit: "ms", better: "less", ffiToExec: true },
}));

/** How long programs take from their launch until UAPI answers. */
export const startUp: Bench = {
  name: "start-up",
  description: "Measures how long each backend takes from its launch until UAPI answers.",
  subject: "every start",
  tools: [],
  files: [upstreamExecutablePath],
  rounds: 11,
  legs: [startUpLeg],
  parts: [startUpLeg.id],
  figures: startUpFigures,
  reference: nothing,
  notes: [`Each sample: the median of ${starts} starts. executable is build/wireguard-go alone.`],
  goalsDecide: true,
  programs: ({ also }, env) => {
    const main = `${packageRoot}/dist/src/cli/main.js`;
    return [
      programOf(nothing, [process.execPath, "-e", "0"]),
      programOf("upstream", [upstreamExecutablePath]),
      programOf("executable", [executablePath(env)]),
      ...also.map(({ name, path }) => programOf(name, [path], { judged: false })),
      programOf("exec", [process.execPath, main, "--backend=exec"]),
      programOf("ffi", [process.execPath, main, "--backend=ffi"]),
    ];
  },
  measure: (turn, reporter, context) => turnInSandbox("start-up", turn, reporter, context),
  goals: ({ figures }) => {
    const own = figures.find(({ id }) => id === "start-foreground")?.programs ?? {};
    const both = (own[nothing]?.median ?? 0) + (own.executable?.median ?? 0);
    return ["exec", "ffi"].flatMap((name) => {
      const time = own[name]?.median;
      if (time === undefined || both === 0) return [];
      const ratio = time / both;
      const sentence = `${name} takes ${ratio.toFixed(2)} times what Node.js and the executable take; the goal is at most ${ratioGoal}.`;
      return [{ sentence, reached: ratio <= ratioGoal }];
    });
  },
};

/** Measures the starts of one program, inside a sandbox. */
export async function measureStarts(
  _leg: string,
  { program }: Turn,
  reporting: Reporting,
): Promise<void> {
  const ways = {
    "start-background": (name: string) => Daemon.startInBackground(program, name),
    "start-foreground": async (name: string) => {
      const daemon = await Daemon.start(program, name);
      await daemon.stop();
      return daemon.startTime;
    },
  };
  for (const [id, measure] of Object.entries(ways)) {
    const times: number[] = [];
    for (let start = 0; start < starts; start++) {
      reporting.doing(`start ${start + 1} of ${starts}`);
      times.push(await (program.name === nothing ? runToEnd(program.command) : measure("wg1")));
    }
    reporting.found(id, median(times) ?? Number.NaN);
  }
}

async function runToEnd([program = "", ...args]: readonly string[]): Promise<number> {
  const launched = performance.now();
  await promisify(execFile)(program, args);
  return performance.now() - launched;
}
