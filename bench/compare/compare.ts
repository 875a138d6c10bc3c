import type { Environment } from "../../src/artifacts.js";
import type { Output } from "../../src/text/style.js";
import { thisMachine } from "../sandbox/machine.js";
import type { Comparison, Program, Run, StartUp } from "./comparison.js";
import { ProgressDisplay } from "./progress.js";
import { type Bounds, runOnce } from "./run.js";
import { countedSteps } from "./script.js";
import { measureStartUp } from "./start-up.js";
import { summarise } from "./summary.js";

/** What a comparison needs. */
export interface CompareOptions {
  readonly programs: readonly Program[];
  /** How often netns.sh runs with each program. */
  readonly repeats: number;
  /** SHA-256 of test/netns.sh, hexadecimal. */
  readonly scriptHash: string;
  /** test/test.sh; the program is added to it. */
  readonly harness: string;
  readonly bounds: Bounds;
  readonly env: Environment;
  /** Where progress is shown. */
  readonly progress: Output;
  /** Ends it: it then rejects with the signal's reason, and nothing it started is left. */
  readonly signal: AbortSignal;
}

/**
 * Compares programs: measures how they start, then runs netns.sh with one after the other, taking
 * turns. Nothing runs at the same time, so that no figure suffers from another.
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { programs, repeats, scriptHash, harness, bounds, env, signal } = options;
  const startedAt = new Date();
  const titleOf = (program: Program, round: number) =>
    repeats === 1 ? program.name : `${program.name} ${round} of ${repeats}`;
  const display = new ProgressDisplay(
    options.progress,
    env,
    countedSteps(scriptHash),
    programs.map((program) => titleOf(program, repeats)),
  );
  const startUps = new Map<Program, StartUp>();
  const runs = new Map(programs.map((program) => [program, [] as Run[]]));
  try {
    for (const program of programs) {
      display.begin(program.name, "measuring its start-up");
      startUps.set(program, await measureStartUp(program, env, signal));
    }
    for (let round = 1; round <= repeats; round++) {
      for (const program of programs) {
        display.begin(titleOf(program, round), "netns.sh");
        const run = await runOnce({
          command: [harness, ...program.command],
          env,
          bounds,
          onStep: (progress) => display.step(progress),
          signal,
        });
        runs.get(program)?.push(run);
        display.finish(run);
      }
    }
  } finally {
    display.clear();
  }
  return summarise({
    startedAt,
    repeats,
    machine: thisMachine(),
    scriptHash,
    measured: programs.flatMap((program) => {
      const startUp = startUps.get(program);
      return startUp === undefined ? [] : [{ program, startUp, runs: runs.get(program) ?? [] }];
    }),
  });
}
