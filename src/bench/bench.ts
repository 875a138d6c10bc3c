import { fileURLToPath } from "node:url";
import { type Environment, sandboxScript } from "../artifacts.js";
import { LineSplitter } from "../compare/steps.js";
import type { Output } from "../report/style.js";
import { thisMachine } from "../sandbox/machine.js";
import { Sandbox } from "../sandbox/sandbox.js";
import type { Leg } from "./figures.js";
import type { MeasuredProgram } from "./programs.js";
import { BenchProgress } from "./progress.js";
import type { BenchResult } from "./result.js";
import { summarise } from "./summary.js";
import { type Finding, readFinding, type Visit } from "./visit.js";

const probe = fileURLToPath(new URL("./probe.js", import.meta.url));

/** What a bench needs. */
export interface BenchOptions {
  readonly programs: readonly MeasuredProgram[];
  readonly rounds: number;
  /** How long iperf3 and ping run each time. */
  readonly seconds: number;
  readonly legs: readonly Leg[];
  readonly env: Environment;
  /** Where progress is shown. */
  readonly progress: Output;
  /** Ends it: it then rejects with the signal's reason, and nothing it started is left. */
  readonly signal: AbortSignal;
}

/**
 * Measures programs in rounds, one after the other, each turn in a sandbox of its own. Every round begins
 * with another program, so that none is always the first after a pause.
 */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  const { programs, rounds, seconds, env, signal } = options;
  const startedAt = new Date().toISOString();
  const progress = new BenchProgress(options.progress, env, rounds * programs.length);
  const told = programs.map(({ name, command }) => ({ name, command, rounds: empty(rounds) }));
  try {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < programs.length; turn++) {
        const index = (round + turn) % programs.length;
        const program = programs[index];
        const findings = told[index]?.rounds[round];
        if (program === undefined || findings === undefined) continue;
        progress.begin(round + 1, rounds, program.name);
        const { command, host } = program;
        const visit = { command, host, seconds, legs: options.legs };
        await pay(visit, env, signal, (finding) => {
          if (finding.kind === "doing") progress.doing(finding.what);
          else findings.push(finding);
        });
      }
    }
  } finally {
    progress.end();
  }
  return summarise({ startedAt, machine: thisMachine(), rounds, seconds }, told);
}

function empty(rounds: number): Finding[][] {
  return Array.from({ length: rounds }, () => []);
}

/** Pays one program one visit. */
async function pay(
  visit: Visit,
  env: Environment,
  signal: AbortSignal,
  onFinding: (finding: Finding) => void,
): Promise<void> {
  signal.throwIfAborted();
  const splitter = new LineSplitter();
  let last = "";
  const take = (line: string) => {
    const finding = readFinding(line);
    if (finding === undefined) last = line.trim() || last;
    else onFinding(finding);
  };
  const command = [sandboxScript, process.execPath, probe, JSON.stringify(visit)];
  const sandbox = new Sandbox(command, env, (text) => splitter.write(text).forEach(take));
  const kill = () => sandbox.kill();
  signal.addEventListener("abort", kill);
  try {
    const { exitStatus } = await sandbox.ended;
    signal.throwIfAborted();
    splitter.end().forEach(take);
    if (exitStatus !== 0) throw new Error(`The sandbox ended with ${exitStatus}: ${last}`);
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
