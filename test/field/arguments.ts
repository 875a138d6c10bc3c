import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readCount } from "../../bench/sandbox/arguments.js";
import { type NamedProgram, parseNamedPrograms } from "../../bench/sandbox/named-program.js";
import { ownPrograms } from "./programs.js";

/** What `scripts/field` is asked for. */
export interface FieldArguments {
  readonly kind: "memory" | "congestion";
  /** Measured beside ours. */
  readonly programs: readonly NamedProgram[];
  /** The names of the programs to measure. undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Matches the ids of the rows to measure. undefined: those that are measured by default. */
  readonly rows: RegExp | undefined;
  readonly rounds: number;
  /** Of UDP, in datagrams a second. undefined: as many as each row has by default. */
  readonly rate: number | undefined;
  /** Seconds after a flood when memory is read last. */
  readonly settle: number;
  /** Absolute path of the file for all figures. */
  readonly json: string | undefined;
  readonly list: boolean;
}

export const usage = `usage: scripts/field memory|congestion [OPTION...]

  --program NAME=PATH  also measure the program at PATH, called as \`PATH -f INTERFACE\`; again for more
  --only NAME,...      only these programs, such as upstream,old
  --rows PATTERN       only the rows whose id matches this regular expression; "." is every row
  --rounds N           how often; the table shows medians; default 1
  --rate N             how many datagrams a second a flood has, instead of the rows' own rates
  --settle SECONDS     memory: when it is read last, after the flood; default 30
  --json FILE          also write every figure of every round
  --list               only print the ids of the rows
`;

const options = {
  program: { type: "string", multiple: true },
  only: { type: "string" },
  rows: { type: "string" },
  rounds: { type: "string" },
  rate: { type: "string" },
  settle: { type: "string" },
  json: { type: "string" },
  list: { type: "boolean" },
} as const;

/**
 * Reads the arguments of `scripts/field`.
 * @throws Error whose message is a sentence for a person
 */
export function parseFieldArguments(args: readonly string[]): FieldArguments {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [kind, ...others] = positionals;
  if ((kind !== "memory" && kind !== "congestion") || others.length > 0) {
    throw new Error("Say what to measure, memory or congestion.");
  }
  const {
    program = [],
    only,
    rows,
    rounds = "1",
    rate,
    settle = "30",
    json,
    list = false,
  } = values;
  const taken = new Map(ownPrograms.map(({ name }) => [name, "a program that is always measured"]));
  return {
    kind,
    programs: parseNamedPrograms("--program", program, taken),
    only: only?.split(","),
    rows: rows === undefined ? undefined : readPattern(rows),
    rounds: readCount("--rounds", rounds, 1000),
    rate: rate === undefined ? undefined : readCount("--rate", rate, 1_000_000),
    settle: readCount("--settle", settle, 3600),
    json: json === undefined ? undefined : resolve(json),
    list,
  };
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new Error(`--rows ${JSON.stringify(text)} is not a regular expression.`, { cause });
  }
}
