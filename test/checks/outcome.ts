/** A test that this machine cannot run, and why. */
export interface Skip {
  readonly test: string;
  readonly reason: string;
}

/** What one check, or all of them, came to. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly Skip[];
  /** What to read to understand the failures; empty when there is none. */
  readonly details: string;
}

/** One test passed. */
export const onePassed: Outcome = { passed: 1, failed: 0, skips: [], details: "" };

/** One test failed; `details` says how. */
export function oneFailed(details: string): Outcome {
  return { passed: 0, failed: 1, skips: [], details };
}

/** One test could not run. */
export function oneSkipped(test: string, reason: string): Outcome {
  return { passed: 0, failed: 0, skips: [{ test, reason }], details: "" };
}

/** The sum. */
export function addOutcomes(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
    skips: outcomes.flatMap(({ skips }) => skips),
    details: outcomes.map(({ details }) => details).join(""),
  };
}

/**
 * Counts a test as failed if it was skipped because a package is missing: its reason says "not installed". In
 * continuous integration set-up must have installed every package.
 */
export function failMissingPackages(outcome: Outcome): Outcome {
  const missing = outcome.skips.filter(({ reason }) => reason.includes("not installed"));
  return {
    ...outcome,
    failed: outcome.failed + missing.length,
    skips: outcome.skips.filter((skip) => !missing.includes(skip)),
    details:
      outcome.details + missing.map(({ test, reason }) => `${test}: skipped: ${reason}\n`).join(""),
  };
}

/** `3 passed, 1 failed`, and `, 2 skipped` where there are any. */
export function formatCounts({ passed, failed, skips }: Outcome): string {
  const skipped = skips.length > 0 ? `, ${skips.length} skipped` : "";
  return `${passed} passed, ${failed} failed${skipped}`;
}
