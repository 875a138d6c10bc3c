import { outOf } from "../report/figures.js";
import type { Comparison, Failure, ProgramResult } from "./comparison.js";
import { failuresOf } from "./summary.js";

/** A failure for a person: a sentence, the step's command, and the last lines of the output. */
export interface FailureText {
  readonly sentence: string;
  readonly command: string;
  readonly lastLines: readonly string[];
}

/** The failures of a program, those of several runs at the same step told once. */
export function failureTexts(program: ProgramResult, steps: number | null): FailureText[] {
  const repeats = program.runs.length;
  return failuresOf(program).map(({ failure, runs }) => ({
    sentence: `${program.name} failed${inRuns(runs, repeats)} at step ${outOf(failure.step, steps)}, in "${failure.section}": ${cause(failure)}.`,
    command: failure.command || "(before the first step)",
    lastLines: failure.lastLines,
  }));
}

/** What happened, in a few words. */
export function cause({ kind, exitStatus }: Failure): string {
  switch (kind) {
    case "exit":
      return exitStatus === null ? "it was killed" : `exit status ${exitStatus}`;
    case "unfinished":
      return "it ended with exit status 0 before its last step";
    case "stalled":
      return "it made no progress for too long and was killed";
    case "overlong":
      return "it took too long in all and was killed";
  }
}

function inRuns(runs: readonly number[], repeats: number): string {
  if (repeats === 1) return "";
  const shown = runs.slice(0, 10).join(", ");
  return ` in run${runs.length === 1 ? "" : "s"} ${shown}${runs.length > 10 ? ", ..." : ""} of ${repeats}`;
}

/** Why start-up times are missing, a sentence for each. */
export function startUpErrors({ programs }: Comparison): string[] {
  return programs.flatMap(({ name, startUp: { background, foreground } }) =>
    [...new Set([background.error, foreground.error])].flatMap((error) =>
      error === null ? [] : [`Start-up of ${name} could not be measured: ${error}`],
    ),
  );
}
