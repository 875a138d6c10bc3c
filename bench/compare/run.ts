import type { Environment } from "../../src/artifacts.js";
import { Sandbox } from "../sandbox/sandbox.js";
import type { Failure, Run } from "./comparison.js";
import { MemoryWatch } from "./memory.js";
import { type Progress, Transcript } from "./transcript.js";

/** How long netns.sh may take, in milliseconds. On some failures it would wait for ever. */
export interface Bounds {
  /** For one step. */
  readonly stall: number;
  /** In all. */
  readonly total: number;
}

/** Several times what a slow machine takes. */
export const defaultBounds: Bounds = { stall: 120_000, total: 900_000 };

/** What one run needs. */
export interface RunOptions {
  /** test/test.sh with a program, or what stands in for it. */
  readonly command: readonly string[];
  readonly env: Environment;
  readonly bounds: Bounds;
  /** Is told of each new step. */
  readonly onStep: (progress: Progress) => void;
  /** Kills the run; it then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Runs netns.sh once. Whatever it ends with, nothing of it is left when this settles. */
export async function runOnce(options: RunOptions): Promise<Run> {
  const { command, env, bounds, onStep, signal } = options;
  signal.throwIfAborted();
  const started = performance.now();
  const transcript = new Transcript();
  let killedFor: Failure["kind"] | undefined;

  const sandbox = new Sandbox(command, env, (text) => {
    if (!transcript.write(text)) return;
    stall.refresh();
    onStep(transcript.progress);
  });
  const killFor = (kind: Failure["kind"]) => () => {
    killedFor ??= kind;
    sandbox.kill();
  };
  const kill = () => sandbox.kill();
  const stall = setTimeout(killFor("stalled"), bounds.stall);
  const total = setTimeout(killFor("overlong"), bounds.total);
  const memory = sandbox.pid === undefined ? undefined : new MemoryWatch(sandbox.pid);
  signal.addEventListener("abort", kill);
  try {
    const { exitStatus } = await sandbox.ended;
    signal.throwIfAborted();
    transcript.end();
    const kind = killedFor ?? endOf(exitStatus, transcript.complete);
    const { step, section, command: failing } = transcript.progress;
    return {
      passed: kind === "passed",
      stepsPassed: kind === "passed" ? step : Math.max(step - 1, 0),
      seconds: (performance.now() - started) / 1000,
      legs: transcript.legs,
      peakMemoryBytes: memory?.peak ?? null,
      failure:
        kind === "passed"
          ? null
          : { kind, step, section, command: failing, exitStatus, lastLines: transcript.lastLines },
    };
  } finally {
    clearTimeout(stall);
    clearTimeout(total);
    memory?.stop();
    signal.removeEventListener("abort", kill);
  }
}

function endOf(exitStatus: number | null, complete: boolean): "passed" | "exit" | "unfinished" {
  if (exitStatus !== 0) return "exit";
  return complete ? "passed" : "unfinished";
}
