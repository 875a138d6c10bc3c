import { withTimeLimit } from "../../src/deadline.js";
import type { Check, Job } from "./check.js";
import { addOutcomes, type Outcome, oneFailed, oneSkipped } from "./outcome.js";

/** How many jobs run at a time. */
export interface Lanes {
  readonly all: number;
  /** How many of the lanes take busy jobs first; the others take those that wait first. */
  readonly busy: number;
}

export interface SideBySideOptions {
  readonly lanes: Lanes;
  /** Why the sandbox does not work here, if it does not. */
  readonly obstacle?: string | undefined;
  /** How long one job may take, in milliseconds. */
  readonly limit: number;
  /** Called once for each check, as soon as the last of its jobs has ended. */
  readonly onEnd: (check: Check, outcome: Outcome, seconds: number) => void;
}

/** How far a check has come. */
interface Progress {
  readonly check: Check;
  readonly outcomes: Map<Job, Outcome>;
  /** When each job that runs now was started, as performance.now() says it. */
  readonly running: Map<Job, number>;
  firstStart: number;
}

/** Three lanes a processor, since most jobs wait most of their time; one of them is for busy jobs. */
export function lanesFor(processors: number): Lanes {
  return { all: 3 * processors, busy: processors };
}

/** Checks whose jobs run side by side, each job as soon as a lane is free for it. */
export class SideBySide {
  readonly #options: SideBySideOptions;
  readonly #progress: readonly Progress[];
  readonly #queue: { readonly progress: Progress; readonly job: Job }[];

  constructor(checks: readonly Check[], options: SideBySideOptions) {
    this.#options = options;
    this.#progress = checks.map((check) => ({
      check,
      outcomes: new Map(),
      running: new Map(),
      firstStart: 0,
    }));
    this.#queue = this.#progress.flatMap((progress) =>
      progress.check.jobs.map((job) => ({ progress, job })),
    );
  }

  /**
   * Runs every job, in the order given as far as the lanes' preferences allow.
   *
   * @param signal ends the jobs that run, which have failed then, as have those that did not start
   */
  async run(signal: AbortSignal): Promise<Outcome> {
    const { all, busy } = this.#options.lanes;
    await Promise.all(
      Array.from({ length: all }, (_, index) => this.#workOff(index < busy, signal)),
    );
    return addOutcomes(this.#progress.flatMap(({ outcomes }) => [...outcomes.values()]));
  }

  /** Returns what runs at the moment, for people: `soak 12 s, mocha 3 of 70 (cli/set 4 s)`. */
  running(): string {
    const parts = this.#progress.filter(({ running }) => running.size > 0).map(describe);
    return parts.join(", ");
  }

  async #workOff(prefersBusy: boolean, signal: AbortSignal): Promise<void> {
    for (let next = this.#take(prefersBusy); next; next = this.#take(prefersBusy)) {
      await this.#runJob(next.progress, next.job, signal);
    }
  }

  #take(prefersBusy: boolean) {
    const preferred = this.#queue.findIndex(({ job }) => job.isBusy === prefersBusy);
    return this.#queue.splice(Math.max(preferred, 0), 1)[0];
  }

  async #runJob(progress: Progress, job: Job, signal: AbortSignal): Promise<void> {
    const { check, outcomes, running } = progress;
    const started = performance.now();
    if (outcomes.size + running.size === 0) progress.firstStart = started;
    running.set(job, started);
    const outcome = await this.#outcomeOf(job, signal);
    running.delete(job);
    outcomes.set(job, outcome);
    if (outcomes.size < check.jobs.length) return;
    // In the order of the jobs, whichever ended first.
    const all = addOutcomes(check.jobs.flatMap((each) => outcomes.get(each) ?? []));
    this.#options.onEnd(check, all, (performance.now() - progress.firstStart) / 1000);
  }

  async #outcomeOf(job: Job, signal: AbortSignal): Promise<Outcome> {
    const { obstacle, limit } = this.#options;
    if (job.needsSandbox && obstacle !== undefined) return oneSkipped(job.name, obstacle);
    try {
      const tooLong = () => new Error(`it took longer than ${limit / 1000} s`);
      return await withTimeLimit(limit, tooLong, signal, (either) => job.run(either));
    } catch (error) {
      return oneFailed(`${job.name}: ${error}\n`);
    }
  }
}

function describe({ check, outcomes, running }: Progress): string {
  const seconds = (started: number) => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const jobs = [...running].map(([job, started]) => `${job.name} ${seconds(started)}`);
  if (check.jobs.length === 1) return jobs.join();
  return `${check.name} ${outcomes.size} of ${check.jobs.length} (${jobs.join(", ")})`;
}
