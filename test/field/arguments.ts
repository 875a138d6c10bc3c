import { parseArgs } from "node:util";
import { readCount } from "../../bench/arguments.js";
import { type NamedProgram, parseNamedPrograms } from "../../bench/sandbox/named-program.js";
import {
  readPattern,
  readSuiteArguments,
  type SuiteArguments,
  suiteOptions,
} from "../suite/arguments.js";
import { ownPrograms } from "./programs.js";

/** What `scripts/field` is asked for. */
export interface FieldArguments extends SuiteArguments {
  readonly kind: "memory" | "congestion";
  /** Measured beside ours. */
  readonly programs: readonly NamedProgram[];
  /** Matches the ids of the rows to measure. undefined: the default rows. */
  readonly rows: RegExp | undefined;
  readonly rounds: number;
  /** UDP datagrams a second. undefined: each row's own rate. */
  readonly rate: number | undefined;
  /** Seconds between a flood's end and the last look at memory. */
  readonly settle: number;
}

export const usage = `usage: scripts/field memory|congestion [OPTION...]

  --program NAME=PATH  also measure the program at PATH, run as \`PATH -f INTERFACE\`; repeat for more
  --only NAME,...      only these programs, such as upstream,old
  --rows PATTERN       only the rows whose id matches this regular expression; "." is every row
  --rounds N           how often to measure; the table shows medians; default 1
  --rate N             datagrams a second in a flood, instead of the rows' own rates
  --settle SECONDS     memory: how long after the flood to read it for the last time; default 30
  --json FILE          also write every figure of every round
  --list               only print the ids of the rows
`;

/**
 * Reads the arguments of `scripts/field`.
 * @throws Error whose message is a sentence for a person
 */
export function parseFieldArguments(args: readonly string[]): FieldArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...suiteOptions,
      program: { type: "string", multiple: true, default: [] },
      rows: { type: "string" },
      rounds: { type: "string", default: "1" },
      rate: { type: "string" },
      settle: { type: "string", default: "30" },
    },
    allowPositionals: true,
  });
  const [kind, ...others] = positionals;
  if ((kind !== "memory" && kind !== "congestion") || others.length > 0) {
    throw new Error("Say what to measure, memory or congestion.");
  }
  const { program, rows, rounds, rate, settle } = values;
  const reserved = new Map(
    ownPrograms.map(({ name }) => [name, "a program that is always measured"]),
  );
  const programs = parseNamedPrograms("--program", program, reserved);
  return {
    ...readSuiteArguments(
      values,
      [...ownPrograms, ...programs].map(({ name }) => name),
    ),
    kind,
    programs,
    rows: rows === undefined ? undefined : readPattern("--rows", rows),
    rounds: readCount("--rounds", rounds, 1000),
    rate: rate === undefined ? undefined : readCount("--rate", rate, 1_000_000),
    settle: readCount("--settle", settle, 3600),
  };
}
