import type { Environment } from "../src/artifacts.js";
import type { Result } from "./result.js";
import type { NamedProgram } from "./sandbox/named-program.js";

/** A benchmark: what it measures, of which programs. */
export interface Bench {
  /** As on the command line: "tunnels". */
  readonly name: string;
  /** What it measures, for --help. */
  readonly description: string;
  /** What a program passes if it has no failure: "upstream's netns.sh". */
  readonly subject: string;
  /** The external programs that it needs beside those of the sandbox. */
  readonly tools: readonly string[];
  /** Files that must have been built. */
  readonly files: readonly string[];
  /** How many rounds there are by default. */
  readonly rounds: number;
  /** The parts of a round, in their order; the figures and failures of each are shown together. */
  readonly legs: readonly Leg[];
  /** The ids of the legs that can be measured alone. */
  readonly parts: readonly string[];
  /** Those of them that are measured only if --only names them. */
  readonly onRequest?: readonly string[];
  /** The congestion control that kernel TCP is to use in each leg; see congestion.ts. */
  readonly congestion?: ReadonlyMap<string, string>;
  /** Every figure, in the order of the table. */
  readonly figures: readonly Figure[];
  /** The name of the program that all others are compared with. null: none. */
  readonly reference: string | null;
  /** What the figures mean, as sentences. */
  readonly notes: readonly string[];
  /** Whether a missed goal fails the benchmark. */
  readonly goalsDecide: boolean;
  /** What is known of the input: for the comparison, which netns.sh it was. */
  readonly input?: () => Readonly<Record<string, string>>;
  /** The programs, in the order of their columns. */
  programs(options: ProgramOptions, env: Environment): Program[];
  /** Takes one program through one round. */
  measure(turn: Turn, reporter: Reporter, context: Context): Promise<void>;
  /** Judges the medians. */
  goals(result: Omit<Result, "goals" | "passed">): Goal[];
}

/** A part of a round. */
export interface Leg {
  readonly id: string;
  readonly title: string;
}

/** What a benchmark measures of a program. */
export interface Figure {
  /** As in the JSON: "tcp-1420-1-up". */
  readonly id: string;
  /** The id of the leg that it is measured in. */
  readonly leg: string;
  readonly title: string;
  /** Gbit/s: 10^9 bits a second. kpps: 1,000 packets a second. s/GB: seconds for 10^9 bytes. Empty: a number. */
  readonly unit: string;
  readonly better: "more" | "less";
  /** Whether ffi is compared with exec. */
  readonly ffiToExec: boolean;
}

/** Describes a figure. */
export function figureOf(
  id: string,
  leg: string,
  title: string,
  unit: string,
  better: Figure["better"],
  ffiToExec = true,
): Figure {
  return { id, leg, title, unit, better, ffiToExec };
}

/** A program to measure. */
export interface Program {
  readonly name: string;
  /** The program and its arguments, to which "-f" and an interface's name may be added. */
  readonly command: readonly string[];
  /** Added to its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the exit status depends on it. */
  readonly judged: boolean;
  /** The command of a Node.js program that holds such a tunnel. null: Node.js has no part in it. */
  readonly host: readonly string[] | null;
}

/** Describes a program that is judged and has nothing special. */
export function programOf(
  name: string,
  command: readonly string[],
  special: Partial<Program> = {},
): Program {
  return { name, command, env: {}, judged: true, host: null, ...special };
}

/** What decides which programs are measured. */
export interface ProgramOptions {
  readonly also: readonly NamedProgram[];
  /** For each further column of exec, the levers that are switched off, separated by commas. */
  readonly without: readonly string[];
}

/** What one program has to do in one round. */
export interface Turn {
  readonly program: Program;
  /** The ids of the legs. */
  readonly legs: readonly string[];
  /** How long iperf3 and ping run each time. */
  readonly seconds: number;
  /** The congestion control of kernel TCP in each leg in which it takes part. */
  readonly congestion: Readonly<Record<string, string>>;
}

/** Takes what a turn does and finds. */
export interface Reporter {
  doing(leg: string, what: string): void;
  found(id: string, value: number): void;
  /** @param output the last lines that say more */
  failed(leg: string, because: string, output?: readonly string[]): void;
}

/** Where a turn runs. */
export interface Context {
  readonly env: Environment;
  /** Ends it: it then rejects with the signal's reason, and nothing that it started is left. */
  readonly signal: AbortSignal;
}

/** A judgement of the medians. */
export interface Goal {
  readonly sentence: string;
  readonly reached: boolean;
}
