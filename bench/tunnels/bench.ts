import { fileURLToPath } from "node:url";
import { type Environment, sandboxScript } from "../../src/artifacts.js";
import type { Output } from "../../src/text/style.js";
import { LineSplitter, plainText } from "../sandbox/lines.js";
import { thisMachine } from "../sandbox/machine.js";
import { Sandbox } from "../sandbox/sandbox.js";
import type { Leg } from "./figures.js";
import type { MeasuredProgram } from "./programs.js";
import { BenchProgress } from "./progress.js";
import type { BenchResult } from "./result.js";
import { summarise, type Told } from "./summary.js";
import { type Finding, readFinding, type Visit } from "./visit.js";

const probe = fileURLToPath(new URL("./probe.js", import.meta.url));

/** What a bench needs. */
export interface BenchOptions {
  readonly programs: readonly MeasuredProgram[];
  readonly rounds: number;
  /** How long iperf3 and ping run each time. */
  readonly seconds: number;
  readonly legs: readonly Leg[];
  /** What measures a program inside a sandbox; its argument is a Visit. Default: node probe.js. */
  readonly probe?: readonly string[];
  readonly env: Environment;
  /** Where progress is shown. */
  readonly progress: Output;
  /** Ends it: it then rejects with the signal's reason, and nothing it started is left. */
  readonly signal: AbortSignal;
}

/**
 * Measures programs in rounds, one after the other, each turn in a sandbox of its own. Every round begins
 * with another program, and every other one goes backwards, so that none always follows the same.
 */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  const { programs, rounds, seconds, legs, env } = options;
  const startedAt = new Date().toISOString();
  const progress = new BenchProgress(options.progress, env, rounds * programs.length);
  const told: (Told & { readonly rounds: Finding[][] })[] = programs.map((program) => ({
    program,
    rounds: [],
  }));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { program, rounds: findings } of inTurn(told, round)) {
        progress.begin(round + 1, rounds, program.name);
        const { command, env, host } = program;
        const visit = { command, env, host, seconds, legs };
        findings.push(await pay(visit, options, (what) => progress.doing(what)));
      }
    }
  } finally {
    progress.end();
  }
  return summarise({ startedAt, machine: thisMachine(), rounds, seconds }, told);
}

/** The list from another beginning in every round, and from there backwards in every other one. */
function inTurn<T>(list: readonly T[], round: number): T[] {
  const first = round % list.length;
  if (round % 2 === 0) return [...list.slice(first), ...list.slice(0, first)];
  return [...list.slice(first + 1), ...list.slice(0, first + 1)].reverse();
}

/** Pays one program one visit. Where the probe dies, the legs that are left have failed. */
async function pay(
  visit: Visit,
  { env, signal, probe: probing = [process.execPath, probe] }: BenchOptions,
  onDoing: (what: string) => void,
): Promise<Finding[]> {
  signal.throwIfAborted();
  const findings: Finding[] = [];
  let [leg] = visit.legs;
  let last = "";
  const take = (line: string) => {
    const finding = readFinding(line);
    if (finding === undefined) last = plainText(line).trim() || last;
    else if (finding.kind !== "doing") findings.push(finding);
    else {
      leg = finding.leg;
      onDoing(finding.what);
    }
  };
  const splitter = new LineSplitter();
  const command = [sandboxScript, ...probing, JSON.stringify(visit)];
  const sandbox = new Sandbox(command, env, (text) => splitter.write(text).forEach(take));
  const kill = () => sandbox.kill();
  signal.addEventListener("abort", kill);
  try {
    const { exitStatus } = await sandbox.ended;
    signal.throwIfAborted();
    splitter.end().forEach(take);
    if (exitStatus === 0 || leg === undefined) return findings;
    const because = `The sandbox ended with ${exitStatus ?? "a signal"}: ${last || "without a word"}`;
    const left = visit.legs.slice(visit.legs.indexOf(leg));
    return [...findings, ...left.map((leg) => ({ kind: "failed" as const, leg, because }))];
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
