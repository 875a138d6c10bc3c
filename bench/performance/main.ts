// node main.js [--write] [PIECE...] [-- OPTION...]: measures pieces of docs/performance.md; --write then writes the tables of all
// that have been measured into the page. See scripts/performance.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/artifacts.js";
import { messageOf } from "../../src/errors.js";
import type { Result } from "../result.js";
import { type Piece, pieces } from "./pieces.js";
import { heading, type Measurement, replaceBlock } from "./tables.js";

const directory = `${packageRoot}/build/bench/performance`;
const page = `${packageRoot}/docs/performance.md`;
const bench = fileURLToPath(new URL("../main.js", import.meta.url));
const fork = `${packageRoot}/build/interop/bin/tailscale-wireguard-go`;

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`scripts/performance: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

function main(words: readonly string[]): number {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const [args, options] = [words.slice(0, end), words.slice(end + 1)];
  const names = args.filter((arg) => arg !== "--write");
  const wanted = names.map((name) => {
    const piece = pieces.find((one) => one.name === name);
    if (piece === undefined) throw new Error(`${name} is none of ${listed()}, and --write.`);
    return piece;
  });
  if (args.length === 0)
    throw new Error(`nothing is asked for: name some of ${listed()}, or --write.`);
  mkdirSync(directory, { recursive: true });
  for (const piece of wanted) {
    const status = measure(piece, options);
    if (status !== 0) return status;
  }
  if (args.includes("--write")) write();
  return 0;
}

function listed(): string {
  return pieces.map(({ name }) => name).join(", ");
}

function fileOf({ name }: Piece): string {
  return `${directory}/${name}.json`;
}

/**
 * Measures a piece, keeps what it finds, and returns the exit status of the benchmark.
 * @param options further ones of the benchmark
 */
function measure(piece: Piece, options: readonly string[]): number {
  const commit = presentCommit();
  const args = piece.args.map((word) =>
    piece.withFork && existsSync(fork) && word.startsWith("upstream,") ? `${word},fork` : word,
  );
  process.stderr.write(`${piece.name}, about ${piece.takes}:\n`);
  const { stdout, status } = spawnSync(
    process.execPath,
    [bench, "tunnels", ...args, ...options, "--json"],
    {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) return status ?? 1;
  const result: Result = JSON.parse(stdout);
  const measurement: Measurement = { commit, result };
  writeFileSync(fileOf(piece), `${JSON.stringify(measurement)}\n`);
  process.stdout.write(`${textOf(piece, measurement)}\n`);
  return 0;
}

/** Writes the tables of all pieces that have been measured into the page. */
function write(): void {
  let text = readFileSync(page, "utf8");
  for (const piece of pieces) {
    if (!existsSync(fileOf(piece))) continue;
    const measurement: Measurement = JSON.parse(readFileSync(fileOf(piece), "utf8"));
    text = replaceBlock(text, piece.name, textOf(piece, measurement));
  }
  writeFileSync(page, text);
}

function textOf({ rows, table }: Piece, measurement: Measurement): string {
  return `${heading(measurement)}\n\n${table(measurement.result, rows)}\n`;
}

function presentCommit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: packageRoot, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain") === "" ? "" : " and changes";
  return `${git("rev-parse", "--short=12", "HEAD")}${changes}`;
}
