import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../errors.js";
import { type NamedProgram, parseNamedPrograms } from "../sandbox/named-program.js";
import { type Leg, legs } from "./figures.js";
import { reference } from "./summary.js";

/** What `wg-bridge bench` is asked for. */
export interface BenchArguments {
  readonly help: boolean;
  /** Other programs to measure beside upstream, exec and ffi. */
  readonly peers: readonly NamedProgram[];
  readonly rounds: number;
  readonly seconds: number;
  readonly legs: readonly Leg[];
  /** Print the result as JSON instead of a table. */
  readonly json: boolean;
  /** Absolute path of the page to write. */
  readonly html?: string;
}

/** What `wg-bridge bench --help` prints. */
export const usage = `Usage: wg-bridge bench [--peer NAME=PATH]... [--quick] [--rounds N] [--seconds N] [--only LEG,...]
                       [--json] [--html FILE]

Measures exec, ffi and upstream's wireguard-go side by side, in interleaved rounds, each time with two
tunnels in a sandbox of its own. Works as root and without.

  --peer NAME=PATH  also measure the program at PATH, called as \`PATH -f INTERFACE\`
  --quick           three rounds of one second: a first look, too few for verdicts
  --rounds N        how many rounds; default 9. From six on there are verdicts
  --seconds N       how long iperf3 and ping run each time; default 1
  --only LEG,...    only some parts: ${legs.slice(0, 5).join(", ")},
                    ${legs.slice(5).join(", ")}
  --json            print one JSON object instead of the table; docs/bench-json.md describes it
  --html FILE       also write a page with plots; it needs no network

Exit status: 0 if upstream, exec and ffi did every part in every round, otherwise 1.
`;

const options = {
  peer: { type: "string", multiple: true },
  quick: { type: "boolean" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  only: { type: "string" },
  json: { type: "boolean" },
  html: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const ours = new Map([
  [reference, "the program that all are compared with"],
  ["exec", "a backend"],
  ["ffi", "a backend"],
]);

/**
 * Reads the arguments behind `wg-bridge bench`.
 * @throws Error whose message is a sentence for a person
 */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const { peer = [], quick, rounds, seconds, only, json, html, help } = readOptions(args);
  if (html === "") throw new Error("--html needs the name of a file to write.");
  return {
    help: help ?? false,
    peers: parseNamedPrograms("--peer", peer, ours),
    rounds: readCount("--rounds", rounds ?? (quick ? "3" : "9"), 1000),
    seconds: readCount("--seconds", seconds ?? "1", 3600),
    legs: only === undefined ? legs : readLegs(only),
    json: json ?? false,
    ...(html === undefined ? {} : { html: resolve(html) }),
  };
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [sentence] = messageOf(cause).split(". ");
    throw new Error(`${sentence?.replace(/\.$/, "")}: see wg-bridge bench --help.`, { cause });
  }
}

function readCount(option: string, value: string, most: number): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && count >= 1 && count <= most) return count;
  throw new Error(`${option} ${JSON.stringify(value)} is not a whole number from 1 to ${most}.`);
}

function readLegs(value: string): Leg[] {
  const wanted = value.split(",").map((name) => {
    const leg = legs.find((known) => known === name);
    if (leg !== undefined) return leg;
    throw new Error(`--only ${JSON.stringify(name)} is none of ${legs.join(", ")}.`);
  });
  return legs.filter((leg) => wanted.includes(leg));
}
