import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../src/artifacts.js";
import { messageOf } from "../src/errors.js";
import type { Bench, ProgramOptions } from "./bench.js";
import { inherited, usual } from "./congestion.js";
import { thisMachine } from "./sandbox/machine.js";
import { type NamedProgram, parseNamedPrograms } from "./sandbox/named-program.js";

/** What a benchmark is asked for. */
export interface BenchArguments extends ProgramOptions {
  readonly help: boolean;
  readonly rounds: number;
  /** How many rounds exec and ffi get at most where it is undecided whether they are equal. */
  readonly maxRounds?: number;
  /** The names of the programs to measure, beside those of --also and --without. undefined: all. */
  readonly programs?: readonly string[];
  /** The name of the program that the others are compared with. */
  readonly reference?: string;
  readonly seconds: number;
  /** The ids of the legs to measure. */
  readonly legs: readonly string[];
  /** The congestion control of every TCP leg that has none of its own. */
  readonly congestion?: string;
  /** Print the result as JSON instead of a table. */
  readonly json: boolean;
  /** Absolute path of the page to write. */
  readonly html?: string;
  /** Absolute path of the picture to write. */
  readonly svg?: string;
}

/** Tailscale's fork of the engine, as scripts/interop builds it. */
const fork: NamedProgram = {
  name: "fork",
  path: `${packageRoot}/build/interop/bin/tailscale-wireguard-go`,
};

const options = {
  also: { type: "string", multiple: true },
  without: { type: "string", multiple: true },
  quick: { type: "boolean" },
  rounds: { type: "string" },
  "max-rounds": { type: "string" },
  programs: { type: "string" },
  reference: { type: "string" },
  seconds: { type: "string" },
  only: { type: "string" },
  congestion: { type: "string" },
  json: { type: "boolean" },
  html: { type: "string" },
  svg: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** What `npm run compare -- --help` and `npm run bench -- NAME --help` print. */
export function usage({ name, description, rounds, parts, tools }: Bench): string {
  const command = name === "compare" ? "npm run compare --" : `npm run bench -- ${name}`;
  const measuresTunnels = name === "compare" || name === "tunnels";
  return `Usage: ${command} [OPTION...]

${description}
Programs take turns, each in a sandbox and a session of its own. Works as root and without.${
    measuresTunnels
      ? `
  --also NAME=PATH     also measure the program at PATH; it is shown, not judged`
      : ""
  }${
    name === "tunnels"
      ? `
  --without LEVER,...  also measure exec with these switched off, by WG_BRIDGE_DISABLE=LEVER,...
  --programs NAME,...  only these of upstream, exec and ffi, and fork, Tailscale's program as
                       scripts/interop builds it; those of --also and --without stay
  --reference NAME     the program that all are compared with; default upstream
  --max-rounds N       up to N rounds of exec and ffi where it is undecided whether they are equal
  --congestion NAME    the congestion control of TCP, such as bbr; default cubic
  --seconds N          how long iperf3 and ping run each time; default 1`
      : name === "userspace"
        ? `
  --seconds N          how long each client is busy; default 1`
        : ""
  }
  --rounds N           how many rounds; default ${rounds}. From six on there are verdicts
  --quick              three rounds
  --only LEG,...       only some parts:
${indented(parts.join(", "))}
  --json               print one JSON object instead of the table; docs/bench-json.md describes it
  --html FILE          also write a page with plots; it needs no network
  --svg FILE           also write the plots as one picture

Needs ${[...tools, "ip", "unshare"].join(", ")}.
Exit status: 0 if every program that is judged passed every round, otherwise 1.
`;
}

/** A list in lines that --help can show behind an option. */
function indented(list: string): string {
  const lines = list.match(/.{1,70}(?:, |$)/g) ?? [];
  return lines.map((line) => `                       ${line.trimEnd()}`).join("\n");
}

/**
 * Reads the arguments of a benchmark.
 * @param offered the congestion controls that the kernel offers
 * @throws Error whose message is a sentence for a person
 */
export function parseBenchArguments(
  bench: Bench,
  args: readonly string[],
  offered: readonly string[] = thisMachine().congestionControls,
): BenchArguments {
  const values = readOptions(bench, args);
  if (bench.name !== "tunnels") refuseOptionsOfTunnels(bench, values);
  const { without = [], quick = false, seconds = "1", json = false, help = false } = values;
  const { rounds: count = String(quick ? 3 : bench.rounds), only, programs } = values;
  const rounds = readCount("--rounds", count, 10_000);
  const chosen = programs?.split(",");
  const also = readAlso(values.also ?? [], bench);
  const hasFork = also.some(({ name }) => name === fork.name);
  return {
    help,
    also: chosen?.includes(fork.name) && !hasFork ? [...also, fork] : also,
    without: without.map(checkLevers),
    rounds,
    ...readMaxRounds(values["max-rounds"], rounds),
    ...(chosen === undefined ? {} : { programs: chosen }),
    ...(values.reference === undefined ? {} : { reference: values.reference }),
    seconds: readCount("--seconds", seconds, 3600),
    legs: readLegs(bench, only, offered),
    ...readCongestion(values.congestion, offered),
    json,
    ...readFile("html", values.html),
    ...readFile("svg", values.svg),
  };
}

type Values = ReturnType<typeof readOptions>;

/** @throws Error if an option is given that another benchmark would not heed */
function refuseOptionsOfTunnels({ name }: Bench, values: Values): void {
  for (const option of ["programs", "reference", "max-rounds", "congestion"] as const) {
    if (values[option] !== undefined) throw new Error(`--${option} is not an option of ${name}.`);
  }
}

function readMaxRounds(value: string | undefined, rounds: number) {
  if (value === undefined) return {};
  const maxRounds = readCount("--max-rounds", value, 10_000);
  if (maxRounds >= rounds) return { maxRounds };
  throw new Error(`--max-rounds ${maxRounds} is below the ${rounds} rounds of --rounds.`);
}

function readOptions({ name }: Bench, args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [sentence] = messageOf(cause).split(". ");
    throw new Error(`${sentence?.replace(/\.$/, "")}: see ${name} --help.`, { cause });
  }
}

function readAlso(values: readonly string[], bench: Bench): NamedProgram[] {
  const taken = new Map([
    ["exec", "a backend"],
    ["ffi", "a backend"],
  ]);
  if (bench.reference !== null)
    taken.set(bench.reference, "the program that all are compared with");
  return parseNamedPrograms("--also", values, taken);
}

/** The program itself knows its levers; only what is not a list of names is refused here. */
function checkLevers(value: string, index: number, all: readonly string[]): string {
  if (!/^[\w-]+(,[\w-]+)*$/.test(value)) {
    throw new Error(
      `--without ${JSON.stringify(value)} is not LEVER,...: names separated by commas.`,
    );
  }
  if (all.indexOf(value) !== index) throw new Error(`--without ${value} is given twice.`);
  return value;
}

function readLegs(
  { parts, onRequest = [], congestion = new Map() }: Bench,
  only: string | undefined,
  offered: readonly string[],
): readonly string[] {
  /** The algorithm that a leg cannot do without, and the kernel does not offer. */
  const missing = (leg: string) => {
    const own = congestion.get(leg);
    const canDoWithout = own === undefined || own === usual || own === inherited;
    return canDoWithout || offered.includes(own) ? undefined : own;
  };
  if (only === undefined) {
    return parts.filter((id) => !onRequest.includes(id) && missing(id) === undefined);
  }
  const wanted = only.split(",");
  for (const name of wanted) {
    if (!parts.includes(name)) {
      throw new Error(`--only ${JSON.stringify(name)} is none of ${parts.join(", ")}.`);
    }
    const algorithm = missing(name);
    if (algorithm !== undefined) throw new Error(`--only ${name}: ${notOffered(algorithm)}`);
  }
  return parts.filter((id) => wanted.includes(id));
}

function readCongestion(
  congestion: string | undefined,
  offered: readonly string[],
): Pick<BenchArguments, "congestion"> {
  if (congestion === undefined) return {};
  if (offered.includes(congestion)) return { congestion };
  throw new Error(`--congestion ${JSON.stringify(congestion)}: ${notOffered(congestion)}`);
}

function notOffered(algorithm: string): string {
  return `the kernel does not offer it. Try modprobe tcp_${algorithm.replace(/\W/g, "")} first.`;
}

/** Reads a count, from 1. */
export function readCount(option: string, value: string, maximum: number): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && count >= 1 && count <= maximum) return count;
  throw new Error(`${option} ${JSON.stringify(value)} is not a whole number from 1 to ${maximum}.`);
}

/** Reads the name of a file to write, as an absolute path. */
function readFile<Name extends string>(name: Name, value: string | undefined) {
  if (value === "") throw new Error(`--${name} needs the name of a file to write.`);
  return value === undefined ? {} : { [name]: resolve(value) };
}
