import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { findProgram } from "../../src/doctor/tools.js";
import { type Bench, type Figure, figureOf, programOf } from "../bench.js";
import { inherited } from "../congestion.js";
import { geometricMean } from "../report/statistics.js";
import { turnInSandbox } from "../sandbox/sandbox.js";
import { startUpFigures, startUpLeg } from "../start-up.js";
import type { LegName } from "./legs.js";
import { type Bounds, defaultBounds, runOnce } from "./run.js";
import { sections } from "./sections.js";

/** Upstream's integration test, with the patch for containers. */
const netnsScript = `${packageRoot}/test/netns.sh`;

const main = `${packageRoot}/dist/src/cli/main.js`;

/** The steps of the netns.sh with this SHA-256, which have been counted. */
const counted = {
  sha256: "3fa65bfc3b8709349330d8ab61653d09c7bf6d13755f39b3b62851816903ee72",
  steps: 251,
};

/** The leg of what netns.sh is as a whole. */
const whole = { id: "netns.sh", title: "Upstream's netns.sh" };

/** The sections with iperf3 tests. */
const traffic = sections.filter((section) => section.includes("outside"));

/** netns.sh tests TCP before UDP, and IPv4 before IPv6. */
const tests = (["TCP", "UDP"] as const).flatMap((transport) =>
  (["IPv4", "IPv6"] as const).map((inside) => ({ transport, inside })),
);

const figures: readonly Figure[] = [
  figureOf("steps", whole.id, "steps passed", "", "more", false),
  figureOf("duration", whole.id, "duration, if it passes", "s", "less", false),
  figureOf("peak-memory", whole.id, "peak memory", "MiB", "less"),
  ...traffic.flatMap((section) =>
    tests.map((test) => {
      const title = `${test.transport} over ${test.inside}`;
      return figureOf(idOf({ section, ...test }), section, title, "Gbit/s", "more");
    }),
  ),
  ...startUpFigures,
];

/** The id of an iperf3 test's figure: "ipv4-outside-mtu-1420-tcp-ipv6". */
function idOf({ section, transport, inside }: LegName): string {
  return `${section} ${transport} ${inside}`.toLowerCase().replace(/[^\w]+/g, "-");
}

/** ffi may differ from exec by this share, in the geometric mean of all TCP tests. */
const tolerance = 0.05;

/** What a comparison can be made with instead, for its tests. */
export interface ComparisonOptions {
  /** Runs netns.sh with the program that is added. */
  readonly harness?: readonly string[];
  readonly bounds?: Bounds;
}

/** The comparison of programs that can take wireguard-go's place, by upstream's integration test. */
export function comparison({
  harness = [`${packageRoot}/test/test.sh`],
  bounds = defaultBounds,
}: ComparisonOptions = {}): Bench {
  return {
    name: "compare",
    description:
      "Runs upstream's integration test, netns.sh, and shows side by side how programs did.",
    subject: "upstream's netns.sh",
    tools: ["wg", "iperf3", "ncat", "ping", "ping6", "iptables", "ss", "setsid"],
    files: [netnsScript],
    rounds: 1,
    legs: [whole, startUpLeg, ...sections.map((id) => ({ id, title: id }))],
    parts: [whole.id, startUpLeg.id],
    congestion: new Map(traffic.map((section) => [section, inherited])),
    figures,
    reference: null,
    notes: [
      "Gbit/s: goodput at iperf3's receiver. Peak memory: the largest VmHWM of a holder of /dev/net/tun, which for ffi includes Node.js.",
      "Every program is started by setsid, in a session of its own: Linux shares the processors among sessions.",
    ],
    goalsDecide: false,
    input: script,
    programs: ({ also }) => [
      ...also.map(({ name, path }) => programOf(name, [path], { judged: false })),
      ...["exec", "ffi"].map((name) =>
        programOf(name, [process.execPath, main, `--backend=${name}`]),
      ),
    ],
    async measure(turn, reporter, context) {
      if (turn.legs.includes(startUpLeg.id)) {
        await turnInSandbox("start-up", { ...turn, legs: [startUpLeg.id] }, reporter, context);
      }
      if (!turn.legs.includes(whole.id)) return;
      const all = script().steps === undefined ? "" : ` of ${counted.steps}`;
      const run = await runOnce({
        command: [...harness, ...inOwnSession(turn.program.command, context.env)],
        bounds,
        ...context,
        onStep: ({ step, section, command }) =>
          reporter.doing(section, `step ${step}${all}, ${section} · ${command}`),
      });
      reporter.found("steps", run.stepsPassed);
      if (run.failure === null) reporter.found("duration", run.seconds);
      if (run.peakMemory !== null) reporter.found("peak-memory", run.peakMemory);
      for (const leg of run.legs) {
        if (leg.gbitPerSecond !== null) reporter.found(idOf(leg), leg.gbitPerSecond);
      }
      if (run.failure === null) return;
      reporter.failed(run.failure.section, run.failure.because, run.failure.output);
    },
    goals: ({ figures }) => {
      const ratios = figures.flatMap(({ id, ffiToExec }) =>
        id.includes("-tcp-") && ffiToExec !== null ? [ffiToExec.median] : [],
      );
      const mean = geometricMean(ratios);
      if (mean === null) return [];
      const reached = Math.abs(mean - 1) <= tolerance;
      return [
        {
          sentence: `ffi to exec, geometric mean of ${ratios.length} TCP tests: ${mean.toFixed(3)}, ${reached ? "within" : "beyond"} 5 %.`,
          reached,
        },
      ];
    },
  };
}

/** Which netns.sh it is. */
function script(): { readonly script: string; readonly sha256: string; readonly steps?: string } {
  const sha256 = createHash("sha256").update(readFileSync(netnsScript)).digest("hex");
  const steps = sha256 === counted.sha256 ? { steps: String(counted.steps) } : {};
  return { script: "test/netns.sh", sha256, ...steps };
}

/** Our programs daemonise into a session of their own, and upstream's does not: setsid makes them equal. */
function inOwnSession(command: readonly string[], env: Parameters<typeof findProgram>[1]) {
  return [findProgram("setsid", env) ?? "setsid", "--wait", ...command];
}
