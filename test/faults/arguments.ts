import { parseArgs } from "node:util";
import { readCount } from "../../bench/arguments.js";
import {
  readPattern,
  readSuiteArguments,
  type SuiteArguments,
  suiteOptions,
} from "../suite/arguments.js";

/** What `scripts/faults` is asked for. */
export interface FaultArguments extends SuiteArguments {
  /** Matches whole names of system calls. undefined: all. */
  readonly calls: RegExp | undefined;
  /** How many of each thread's first calls fail, each in a run of its own. */
  readonly depth: number;
}

export const usage = `usage: scripts/faults [OPTION...]

  --only NAME,...   only these programs: exec, background, ffi, upstream
  --calls PATTERN   only the system calls whose whole name matches this regular expression
  --depth N         how many of each thread's first calls fail, one in a run; default 3
  --json FILE       also write every result
  --list            only print the faults that would be injected
`;

/**
 * Reads the arguments of `scripts/faults`.
 * @throws Error whose message is a sentence for a person
 */
export function parseFaultArguments(
  args: readonly string[],
  programs: readonly string[],
): FaultArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...suiteOptions,
      calls: { type: "string" },
      depth: { type: "string", default: "3" },
    },
  });
  const calls = values.calls === undefined ? undefined : readPattern("--calls", values.calls);
  return {
    ...readSuiteArguments(values, programs),
    calls: calls === undefined ? undefined : new RegExp(`^(?:${calls.source})$`),
    depth: readCount("--depth", values.depth, 1000),
  };
}
