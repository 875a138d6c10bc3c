import type { Interval } from "../report/statistics.js";
import type { Machine } from "../sandbox/machine.js";
import type { Leg, Unit } from "./figures.js";
import type { MeasuredProgram } from "./programs.js";

/**
 * Everything that `wg-bridge bench` finds out: what --json prints, and what its table and its page are
 * made from. Described for readers of the JSON in docs/bench-json.md.
 */
export interface BenchResult {
  /** Changes when a field changes its meaning or goes away; new fields do not change it. */
  readonly schemaVersion: 1;
  /** When it began: ISO 8601, UTC. */
  readonly startedAt: string;
  readonly machine: Machine;
  /** How many rounds there were; in each, every program had its turn. */
  readonly rounds: number;
  /** How long iperf3 and ping ran each time. */
  readonly seconds: number;
  /** upstream first, then those of --peer, then exec and ffi, then those of --without. */
  readonly programs: readonly BenchProgram[];
  readonly figures: readonly BenchFigure[];
  readonly noise: Noise;
}

/** A program that is measured: upstream, exec, ffi, the NAME of --peer, or "exec -" and levers. */
export interface BenchProgram extends Omit<MeasuredProgram, "host"> {
  /** What it could not do, each told once. */
  readonly failures: readonly LegFailure[];
}

/** A leg that a program did not finish. */
export interface LegFailure {
  readonly leg: Leg;
  readonly because: string;
  /** In how many rounds. */
  readonly rounds: number;
}

/** One figure of every program. */
export interface BenchFigure {
  readonly id: string;
  readonly leg: Leg;
  readonly title: string;
  readonly unit: Unit;
  readonly better: "more" | "less";
  /** By the program's name. A program without a sample is absent. */
  readonly programs: Readonly<Record<string, ProgramFigure>>;
  /** ffi to exec, for figures about packets that cross. null: one of the two has none. */
  readonly ffiToExec: FfiToExec | null;
}

/** One figure of one program. */
export interface ProgramFigure {
  /** By round; null: it was not measured in that round. */
  readonly samples: readonly (number | null)[];
  readonly median: number;
  /** A quarter of the samples is below low, a quarter above high. */
  readonly quartiles: Interval;
  /**
   * To upstream in the same round. null for upstream itself, and where no ratio has a meaning: upstream has
   * no sample, or one of the two is 0 in some round, as loss can be. Rounds without a loss must not fall
   * out of a verdict on loss.
   */
  readonly toUpstream: RatioFigure | null;
}

/** A ratio of two programs. */
export interface RatioFigure {
  /** By round; null: one of the two has no sample. */
  readonly byRound: readonly (number | null)[];
  readonly median: number;
  /** Where the true median lies, with a confidence of 95 percent. null: there are fewer than 6 ratios. */
  readonly interval: Interval | null;
  readonly verdict: Verdict;
}

/**
 * better, worse: the whole interval is on one side of 1. undecided: 1 lies in it, the noise cannot carry
 * a verdict. "too few rounds": there is no interval.
 */
export type Verdict = "better" | "worse" | "undecided" | "too few rounds";

/** How ffi compares with exec. */
export interface FfiToExec extends Omit<RatioFigure, "verdict"> {
  /** within, beyond: the whole interval is inside, or outside, 3 percent of 1. */
  readonly verdict: "within" | "beyond" | "undecided" | "too few rounds";
}

/** How far the rounds were apart. */
export interface Noise {
  /**
   * The median over upstream's figures of the distance of its quartiles, as a share of its median.
   * null: too few samples.
   */
  readonly upstream: number | null;
  /** The same for the ratios of exec to upstream: what is left once rounds are compared with themselves. */
  readonly ratios: number | null;
}
