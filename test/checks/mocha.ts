import type { Outcome } from "./outcome.js";
import { oneFailed } from "./outcome.js";

interface MochaTest {
  readonly fullTitle: string;
  readonly err: { readonly message?: string; readonly stack?: string };
}

interface MochaReport {
  readonly stats: { readonly passes: number };
  readonly pending: readonly MochaTest[];
  readonly failures: readonly MochaTest[];
}

const skipMark = / \[skipped: ([^\]]*)\]/;

/**
 * Counts what mocha's JSON reporter wrote. A test that skips itself appends its reason to its title,
 * or its suite's, in brackets: `opens a tunnel [skipped: there is no /dev/net/tun]`.
 *
 * @param report the file's text; undefined when mocha ended before it wrote one
 * @param output what mocha printed
 */
export function readMochaTests(
  report: string | undefined,
  output: string,
  status: number,
): Outcome {
  if (report === undefined) return oneFailed(output);
  const { stats, pending, failures }: MochaReport = JSON.parse(report);
  if (failures.length === 0 && status !== 0) return oneFailed(output);
  return {
    passed: stats.passes,
    failed: failures.length,
    skips: pending.map(({ fullTitle }) => ({
      test: fullTitle.replace(skipMark, ""),
      reason: skipMark.exec(fullTitle)?.[1] ?? "no reason given",
    })),
    details: failures
      .map(({ fullTitle, err }) => `${fullTitle}\n${err.stack ?? err.message ?? ""}\n`)
      .join("\n"),
  };
}
