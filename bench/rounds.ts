import type { Environment } from "../src/artifacts.js";
import type { Bench, Program, Reporter } from "./bench.js";
import { congestionOf } from "./congestion.js";
import type { Progress } from "./report/progress.js";
import type { FigureResult, Result } from "./result.js";
import { thisMachine } from "./sandbox/machine.js";
import { type Findings, summarise } from "./summary.js";

/** What a turn reports. */
export type Finding =
  | { readonly kind: "doing"; readonly leg: string; readonly what: string }
  | { readonly kind: "found"; readonly id: string; readonly value: number }
  | {
      readonly kind: "failed";
      readonly leg: string;
      readonly because: string;
      readonly output: readonly string[];
    };

/** Makes a reporter whose reports arrive as values. */
export function reporterTo(take: (finding: Finding) => void): Reporter {
  return {
    doing: (leg, what) => take({ kind: "doing", leg, what }),
    found: (id, value) => take({ kind: "found", id, value }),
    failed: (leg, because, output = []) => take({ kind: "failed", leg, because, output }),
  };
}

/** Takes what a leg does and finds. */
export interface Reporting {
  doing(what: string): void;
  found(id: string, value: number): void;
}

/** What a run of a benchmark needs. */
export interface RoundsOptions {
  readonly programs: readonly Program[];
  readonly rounds: number;
  /** Up to so many, exec and ffi get further rounds in legs whose figures do not decide whether they are equal. */
  readonly maxRounds?: number | undefined;
  readonly seconds: number;
  /** The ids of the legs to measure. */
  readonly legs: readonly string[];
  /** The congestion control of kernel TCP that is asked for. undefined: the usual one. */
  readonly congestion?: string | undefined;
  readonly env: Environment;
  readonly progress: Progress;
  /** Ends it: it then rejects with the signal's reason, and nothing that it started is left. */
  readonly signal: AbortSignal;
}

/**
 * Measures programs in rounds, one after the other, so that no figure suffers from another. Every round
 * begins with another program, and every other one runs backwards, so that none always follows the same.
 */
export async function runRounds(bench: Bench, options: RoundsOptions): Promise<Result> {
  const { programs, rounds, maxRounds = rounds, seconds, progress, env, signal } = options;
  const machine = thisMachine();
  const congestion = congestionOf(
    bench.legs.map(({ id }) => id),
    { preferred: bench.congestion ?? new Map(), asked: options.congestion, machine },
  );
  const startedAt = new Date().toISOString();
  const measured: (Findings & { readonly rounds: Finding[][] })[] = programs.map((program) => ({
    program,
    rounds: [],
  }));
  const summary = () =>
    summarise(bench, { startedAt, machine, rounds, seconds, congestion }, measured);
  const backends = measured.filter(({ program: { name } }) => ["exec", "ffi"].includes(name));
  try {
    for (let round = 0; round < maxRounds; round++) {
      const isFurther = round >= rounds;
      const legs = isFurther ? undecidedLegs(summary()) : options.legs;
      if (legs.length === 0) break;
      if (isFurther) progress.expect(backends.length);
      const all = isFurther ? `at most ${maxRounds}` : rounds;
      for (const { program, rounds: findings } of inTurn(isFurther ? backends : measured, round)) {
        progress.begin(rounds === 1 ? program.name : `${program.name} ${round + 1} of ${all}`);
        const found: Finding[] = [];
        findings.push(found);
        const reporter = reporterTo((finding) => {
          if (finding.kind === "doing") progress.doing(finding.leg, finding.what);
          else found.push(finding);
        });
        signal.throwIfAborted();
        await bench.measure({ program, legs, seconds, congestion }, reporter, { env, signal });
        progress.finish(found.find((finding) => finding.kind === "failed"));
      }
    }
  } finally {
    progress.clear();
  }
  return summary();
}

/** The legs in which some figure does not decide whether ffi is equal to exec. */
export function undecidedLegs({ legs, figures }: Pick<Result, "legs" | "figures">): string[] {
  const isOpen = ({ ffiToExec }: FigureResult) =>
    ffiToExec?.verdict === "undecided" || ffiToExec?.verdict === "too few rounds";
  const open = new Set(figures.filter(isOpen).map(({ leg }) => leg));
  return legs.map(({ id }) => id).filter((id) => open.has(id));
}

/** The list from another beginning in every round, and from there backwards in every other one. */
function inTurn<T>(list: readonly T[], round: number): T[] {
  const first = round % list.length;
  if (round % 2 === 0) return [...list.slice(first), ...list.slice(0, first)];
  return [...list.slice(first + 1), ...list.slice(0, first + 1)].reverse();
}
