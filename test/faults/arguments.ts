import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readCount } from "../../bench/sandbox/arguments.js";

/** What `scripts/faults` is asked for. */
export interface FaultArguments {
  /** The titles of the programs. undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Matches whole names of system calls. undefined: all. */
  readonly calls: RegExp | undefined;
  /** How many first calls of each thread fail alone. */
  readonly depth: number;
  /** Absolute path of the file for all results. */
  readonly json: string | undefined;
  readonly list: boolean;
}

export const usage = `usage: scripts/faults [OPTION...]

  --only NAME,...   only these programs: exec, background, ffi, upstream
  --calls PATTERN   only the system calls whose whole name matches this regular expression
  --depth N         how many of the first calls of each thread fail, one in a run; default 3
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
      only: { type: "string" },
      calls: { type: "string" },
      depth: { type: "string" },
      json: { type: "string" },
      list: { type: "boolean" },
    },
  });
  const only = values.only?.split(",");
  const stranger = only?.find((wanted) => !programs.includes(wanted));
  if (stranger !== undefined) {
    throw new Error(`--only names no program ${stranger}: there are ${programs.join(", ")}.`);
  }
  return {
    only,
    calls: values.calls === undefined ? undefined : readPattern(values.calls),
    depth: readCount("--depth", values.depth ?? "3", 1000),
    json: values.json === undefined ? undefined : resolve(values.json),
    list: values.list ?? false,
  };
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(`^(${text})$`);
  } catch (cause) {
    throw new Error(`--calls ${JSON.stringify(text)} is not a regular expression.`, { cause });
  }
}
