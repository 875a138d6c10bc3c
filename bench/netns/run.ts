import type { Environment } from "../../src/artifacts.js";
import { runInSandbox } from "../sandbox/sandbox.js";
import type { Leg } from "./legs.js";
import { MemoryWatch } from "./memory.js";
import type { Section } from "./sections.js";
import { type Progress, Transcript } from "./transcript.js";

/** How long netns.sh may take, in milliseconds. After some failures it would never end. */
export interface Bounds {
  /** For one step. */
  readonly stall: number;
  /** In all. */
  readonly total: number;
}

/** Several times what a slow machine takes. */
export const defaultBounds: Bounds = { stall: 120_000, total: 900_000 };

/** One run of netns.sh with one program. */
export interface Run {
  /** Steps that were followed by another one, and for a run that passed the last one too. */
  readonly stepsPassed: number;
  readonly seconds: number;
  readonly legs: readonly Leg[];
  /**
   * The largest VmHWM of the processes that hold /dev/net/tun, in MiB: the daemons, and for ffi that is
   * Node.js with the library. null: none was seen.
   */
  readonly peakMemory: number | null;
  /** null: the script exited with 0 and had announced that all its tests passed. */
  readonly failure: Failure | null;
}

/** Why a run did not pass. */
export interface Failure {
  readonly section: Section;
  /** The cause, the step and its command. */
  readonly because: string;
  /** The last lines of the output before the script's clean-up, its own steps included. */
  readonly output: readonly string[];
}

/** What one run needs. */
export interface RunOptions {
  /** test/test.sh with a program, or a substitute. */
  readonly command: readonly string[];
  readonly env: Environment;
  readonly bounds: Bounds;
  /** Takes each new step. */
  readonly onStep: (progress: Progress) => void;
  /** Kills the run; it then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Runs netns.sh once. Whatever it ends with, nothing of it is left when this settles. */
export async function runOnce(options: RunOptions): Promise<Run> {
  const { command, env, bounds, onStep, signal } = options;
  const started = performance.now();
  const transcript = new Transcript();
  const killed = new AbortController();
  const kill = (reason: string) => () => killed.abort(reason);
  const stall = setTimeout(kill("it made no progress for too long and was killed"), bounds.stall);
  const total = setTimeout(kill("it took too long in all and was killed"), bounds.total);
  let memory: MemoryWatch | undefined;
  try {
    const exitStatus = await runInSandbox(command, {
      env,
      signal: AbortSignal.any([signal, killed.signal]),
      onLine: (line) => {
        if (!transcript.read(line)) return;
        stall.refresh();
        onStep(transcript.progress);
      },
      onStart: (pid) => {
        memory = new MemoryWatch(pid);
      },
    });
    signal.throwIfAborted();
    const { step, section, command: failing } = transcript.progress;
    const cause = killed.signal.aborted
      ? String(killed.signal.reason)
      : causeOf(exitStatus, transcript.complete);
    const at = `step ${step}, ${failing || "before the first"}`;
    return {
      stepsPassed: cause === undefined ? step : Math.max(step - 1, 0),
      seconds: (performance.now() - started) / 1000,
      legs: transcript.legs,
      peakMemory: memory?.peak ?? null,
      failure:
        cause === undefined
          ? null
          : { section, because: `${cause} at ${at}`, output: transcript.lastLines },
    };
  } finally {
    clearTimeout(stall);
    clearTimeout(total);
    memory?.stop();
  }
}

/** Why a run that ended by itself did not pass. undefined: it passed. */
function causeOf(exitStatus: number | null, complete: boolean): string | undefined {
  if (exitStatus === null) return "it was killed";
  if (exitStatus !== 0) return `exit status ${exitStatus}`;
  return complete ? undefined : "it ended with exit status 0 before its last step";
}
