import { readCount, readOptions, readPage } from "../sandbox/arguments.js";
import { type NamedProgram, parseNamedPrograms } from "../sandbox/named-program.js";
import { type Leg, legs } from "./figures.js";
import { reference } from "./programs.js";

/** What `wg-bridge bench` is asked for. */
export interface BenchArguments {
  readonly help: boolean;
  /** Other programs to measure beside upstream, exec and ffi. */
  readonly peers: readonly NamedProgram[];
  /** For each further column of exec, the levers that it does without, with commas between them. */
  readonly without: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly legs: readonly Leg[];
  /** Print the result as JSON instead of a table. */
  readonly json: boolean;
  /** Absolute path of the page to write. */
  readonly html?: string;
}

/** What `wg-bridge bench --help` prints. */
export const usage = `Usage: wg-bridge bench [--peer NAME=PATH]... [--without LEVER,...]... [--quick] [--rounds N]
                       [--seconds N] [--only LEG,...] [--json] [--html FILE]

Measures exec, ffi and upstream's wireguard-go side by side, in interleaved rounds, each time with two
tunnels in a sandbox of its own. Works as root and without.

  --peer NAME=PATH     also measure the program at PATH, called as \`PATH -f INTERFACE\`
  --without LEVER,...  also measure exec with these switched off, by WG_BRIDGE_DISABLE=LEVER,...
  --quick              three rounds of one second: a first look, too few for verdicts
  --rounds N           how many rounds; default 9. From six on there are verdicts
  --seconds N          how long iperf3 and ping run each time; default 1
  --only LEG,...       only some parts: ${legs.slice(0, 5).join(", ")},
                       ${legs.slice(5).join(", ")}
  --json               print one JSON object instead of the table; docs/bench-json.md describes it
  --html FILE          also write a page with plots; it needs no network

Exit status: 0 if all but the peers did every part in every round, otherwise 1.
`;

const options = {
  peer: { type: "string", multiple: true },
  without: { type: "string", multiple: true },
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
  const {
    peer = [],
    without = [],
    quick = false,
    rounds = quick ? "3" : "9",
    seconds = "1",
    only,
    json = false,
    html,
    help = false,
  } = readOptions("bench", args, options);
  return {
    help,
    peers: parseNamedPrograms("--peer", peer, ours),
    without: without.map(checkLevers),
    rounds: readCount("--rounds", rounds, 1000),
    seconds: readCount("--seconds", seconds, 3600),
    legs: only === undefined ? legs : readLegs(only),
    json,
    ...(html === undefined ? {} : { html: readPage(html) }),
  };
}

/** Which levers there are, the program itself tells: here only what would not be a list of names. */
function checkLevers(value: string, index: number, all: readonly string[]): string {
  if (!/^[\w-]+(,[\w-]+)*$/.test(value)) {
    throw new Error(
      `--without ${JSON.stringify(value)} is not LEVER,...: names with commas between.`,
    );
  }
  if (all.indexOf(value) !== index) throw new Error(`--without ${value} stands there twice.`);
  return value;
}

function readLegs(value: string): Leg[] {
  const wanted = value.split(",").map((name) => {
    const leg = legs.find((known) => known === name);
    if (leg !== undefined) return leg;
    throw new Error(`--only ${JSON.stringify(name)} is none of ${legs.join(", ")}.`);
  });
  return legs.filter((leg) => wanted.includes(leg));
}
