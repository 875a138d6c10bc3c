import { readCount, readOptions, readPage } from "../sandbox/arguments.js";
import { type NamedProgram, parseNamedPrograms } from "../sandbox/named-program.js";

/** What `wg-bridge compare` is asked for. */
export interface CompareArguments {
  readonly help: boolean;
  /** Other programs to show beside exec and ffi. */
  readonly also: readonly NamedProgram[];
  /** How often netns.sh runs with each program. */
  readonly repeats: number;
  /** Print the comparison as JSON instead of a table. */
  readonly json: boolean;
  /** Absolute path of the page to write. */
  readonly html?: string;
}

/** What `wg-bridge compare --help` prints. */
export const usage = `Usage: wg-bridge compare [--also NAME=PATH]... [--repeat N] [--json] [--html FILE]

Runs upstream's integration test, netns.sh, with the backends exec and ffi, each in a sandbox of
its own, and shows side by side how they did. Works as root and without.

  --also NAME=PATH  also run the program at PATH, called as \`PATH INTERFACE\`; it is shown, not judged
  --repeat N        run each program N times, taking turns; figures are medians
  --json            print one JSON object instead of the table; docs/compare-json.md describes it
  --html FILE       also write a page with plots; it needs no network

Exit status: 0 if exec and ffi passed every run, otherwise 1.
`;

const options = {
  also: { type: "string", multiple: true },
  repeat: { type: "string" },
  json: { type: "boolean" },
  html: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const backends = new Map(["exec", "ffi"].map((name) => [name, "a backend"]));

const mostRepeats = 10_000;

/**
 * Reads the arguments behind `wg-bridge compare`.
 * @throws Error whose message is a sentence for a person
 */
export function parseCompareArguments(args: readonly string[]): CompareArguments {
  const {
    also = [],
    repeat = "1",
    json = false,
    html,
    help = false,
  } = readOptions("compare", args, options);
  return {
    help,
    also: parseNamedPrograms("--also", also, backends),
    repeats: readCount("--repeat", repeat, mostRepeats),
    json,
    ...(html === undefined ? {} : { html: readPage(html) }),
  };
}
