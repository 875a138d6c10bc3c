import type { Figure, Goal, Leg, Program } from "./bench.js";
import type { Interval } from "./report/statistics.js";
import type { Machine } from "./sandbox/machine.js";

/**
 * Everything that a benchmark or the comparison finds out: --json prints it, and the table, the page and
 * the picture show it. docs/bench-json.md describes it.
 */
export interface Result {
  /** Changes when a field changes its meaning or is removed; new fields do not change it. */
  readonly schemaVersion: 2;
  /** The benchmark's name: "compare", "tunnels", … */
  readonly bench: string;
  /** When it began: ISO 8601, UTC. */
  readonly startedAt: string;
  readonly machine: Machine;
  /** What is known of the input. */
  readonly input: Readonly<Record<string, string>>;
  /** The legs that have figures. */
  readonly legs: readonly LegResult[];
  /** In how many rounds every program had its turn. */
  readonly rounds: number;
  /** How long iperf3 and ping ran each time, in the benchmarks that start them. */
  readonly seconds: number;
  /** The program that the others are compared with. null: none. */
  readonly reference: string | null;
  /** Whether all judged programs passed every round, and reached the goals that decide. */
  readonly passed: boolean;
  readonly programs: readonly ProgramResult[];
  readonly figures: readonly FigureResult[];
  readonly noise: Noise;
  readonly goals: readonly Goal[];
}

/** A leg, and how it was measured. */
export interface LegResult extends Leg {
  /** The congestion control of kernel TCP. null: it has no part in it. */
  readonly congestion: string | null;
}

/** A program, and how it did. */
export interface ProgramResult extends Omit<Program, "host"> {
  /** How many rounds it had: exec and ffi can have had further ones, in legs that did not decide whether they are equal. */
  readonly rounds: number;
  /** The number of rounds without a failure. */
  readonly roundsPassed: number;
  /** Equal failures of several rounds are one. */
  readonly failures: readonly Failure[];
}

/** A leg that a program did not finish. */
export interface Failure {
  readonly leg: string;
  readonly because: string;
  /** The last lines that the program or the script printed. */
  readonly output: readonly string[];
  /** The rounds in which it happened, from 1. */
  readonly rounds: readonly number[];
}

/** One figure of every program. */
export interface FigureResult extends Omit<Figure, "ffiToExec"> {
  /** By the program's name. A program without a sample is absent. */
  readonly programs: Readonly<Record<string, Measured>>;
  /** ffi to exec. null: one of the two has no figure, or they are not compared. */
  readonly ffiToExec: Closeness | null;
}

/** One figure of one program. */
export interface Measured {
  /** By round; null: it was not measured in that round. */
  readonly samples: readonly (number | null)[];
  readonly median: number;
  /** A quarter of the samples is below low, a quarter above high. */
  readonly quartiles: Interval;
  /**
   * To the reference in the same round. null for the reference itself, if it has no sample, and if one of
   * the two is 0 in some round, as loss can be: a verdict on the other rounds alone would mislead.
   */
  readonly toReference: RatioFigure | null;
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
 * better, worse: the whole interval is on one side of 1. undecided: it contains 1. "too few rounds": there
 * is no interval.
 */
export type Verdict = "better" | "worse" | "undecided" | "too few rounds";

/** How ffi compares with exec. */
export interface Closeness extends Omit<RatioFigure, "verdict"> {
  /** within, beyond: the whole interval is inside, or outside, 3 percent of 1. */
  readonly verdict: "within" | "beyond" | "undecided" | "too few rounds";
}

/** How much the rounds differ. */
export interface Noise {
  /**
   * The median over the reference's figures of the distance of its quartiles, as a share of its median.
   * null: too few samples, or no reference.
   */
  readonly reference: number | null;
  /** The same for the ratios of exec to the reference: what is left once a round is compared with itself. */
  readonly ratios: number | null;
}
