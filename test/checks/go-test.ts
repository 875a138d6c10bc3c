import type { Outcome, Skip } from "./outcome.js";
import { oneFailed } from "./outcome.js";

/** One line of `go test -json`; `go doc test2json` describes it. */
interface GoEvent {
  readonly Action: string;
  readonly Package?: string;
  readonly Test?: string;
  readonly ImportPath?: string;
  readonly Output?: string;
}

type Action = "pass" | "fail" | "skip";

interface TestResult {
  /** "PACKAGE TEST", where a subtest's TEST has slashes. */
  readonly name: string;
  readonly package: string;
  readonly action: Action;
}

interface GoRun {
  readonly tests: TestResult[];
  readonly failedPackages: string[];
  /** What each test and each package printed, by name. */
  readonly printed: Map<string, string>;
  /** The lines that are not events: errors of the go command itself. */
  strayLines: string;
}

/**
 * Counts what `go test -json` printed. A test with subtests counts by its subtests alone. A package
 * that fails without a failing test (it does not compile, it panics, it finds a data race) counts as
 * one failure.
 */
export function readGoTests(output: string, status: number): Outcome {
  const run = readEvents(output);
  const leaves = run.tests.filter(
    ({ name }) => !run.tests.some((other) => other.name.startsWith(`${name}/`)),
  );
  const failedTests = leaves.filter(({ action }) => action === "fail");
  const failedAlone = run.failedPackages.filter(
    (name) => !failedTests.some((test) => test.package === name),
  );
  const failed = failedTests.length + failedAlone.length;
  if (failed === 0 && status !== 0) return oneFailed(output);

  const failedNames = failedTests.map(({ name }) => name);
  const details = [...run.printed]
    .filter(([name]) => failedNames.includes(name) || isOfFailedPackage(name, failedAlone))
    .map(([, text]) => text);
  return {
    passed: leaves.filter(({ action }) => action === "pass").length,
    failed,
    skips: leaves
      .filter(({ action }) => action === "skip")
      .map(({ name }): Skip => ({ test: name, reason: skipReason(run.printed.get(name)) })),
    details: failed > 0 ? run.strayLines + details.join("") : "",
  };
}

function readEvents(output: string): GoRun {
  const run: GoRun = { tests: [], failedPackages: [], printed: new Map(), strayLines: "" };
  for (const line of output.split("\n")) {
    if (!line.startsWith("{")) {
      run.strayLines += line.trim() === "" ? "" : `${line}\n`;
      continue;
    }
    const event: GoEvent = JSON.parse(line);
    const packageName = event.Package ?? event.ImportPath ?? "";
    const name = event.Test === undefined ? packageName : `${packageName} ${event.Test}`;
    // "=== RUN" and its like only say what the events say.
    if (event.Output !== undefined && !event.Output.startsWith("=== ")) {
      run.printed.set(name, (run.printed.get(name) ?? "") + event.Output);
    } else if (isResult(event.Action) && event.Test !== undefined) {
      run.tests.push({ name, package: packageName, action: event.Action });
    } else if (event.Action === "fail") {
      run.failedPackages.push(packageName);
    }
  }
  return run;
}

function isResult(action: string): action is Action {
  return action === "pass" || action === "fail" || action === "skip";
}

/** Whatever a package printed that failed as a whole: its tests' output, and the compiler's. */
function isOfFailedPackage(name: string, failedPackages: readonly string[]): boolean {
  return failedPackages.some((failed) => name === failed || name.startsWith(`${failed} `));
}

/** The text given to t.Skip: go test prints it as `    file_test.go:12: TEXT`. */
function skipReason(printed = ""): string {
  const match = /^\s+\w+\.go:\d+: (.*)$/m.exec(printed);
  return match?.[1] ?? "no reason given";
}
