import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { openTunnel, type Tunnel } from "../src/index.js";
import { type Bench, type Figure, programOf, type Turn } from "./bench.js";
import { median } from "./report/statistics.js";
import type { Reporting } from "./rounds.js";
import { turnInSandbox } from "./sandbox/sandbox.js";

const run = promisify(execFile);

/** What each leg does with how many peers, and how long the library may take against wg(8). */
const calls = [
  { id: "status-1000", title: "status, 1,000 peers", peers: 1000, goal: 0.5 },
  { id: "status-10000", title: "status, 10,000 peers", peers: 10_000, goal: 0.5 },
  { id: "apply-1000", title: "apply, 1,000 peers", peers: 1000, goal: 1.1 },
] as const;

/** Applying a configuration again may take so much of the first time. */
const repeatedGoal = 0.1;

/** How often each call is measured in a round, after a first one that warms up. */
const repeats = 11;

const reference = "wg";

const figures: readonly Figure[] = calls.flatMap(({ id, title }) =>
  id.startsWith("apply")
    ? [figure(id, id, title), figure(`${id}-again`, id, `${title}, unchanged`)]
    : [figure(id, id, title)],
);

function figure(id: string, leg: string, title: string): Figure {
  return { id, leg, title, unit: "ms", better: "less", ffiToExec: true };
}

/** What the library's calls cost against the wg command. */
export const library: Bench = {
  name: "library",
  description: "Measures what the library's status and apply cost against the wg command.",
  subject: "every call",
  tools: ["wg"],
  files: [],
  rounds: 3,
  legs: calls.map(({ id, title }) => ({ id, title })),
  parts: calls.map(({ id }) => id),
  figures,
  reference,
  notes: [
    "wg: wg show dump, split into fields, and wg setconf, both of a tunnel on exec.",
    `Each sample: the median of ${repeats} calls in one process, after a first one that warms up; each apply on a fresh tunnel.`,
  ],
  goalsDecide: true,
  programs: () => [reference, "exec", "ffi"].map((name) => programOf(name, [name])),
  measure: (turn, reporter, context) => turnInSandbox("library", turn, reporter, context),
  goals: ({ figures }) =>
    ["exec", "ffi"].flatMap((name) => {
      const of = (id: string) => figures.find((figure) => figure.id === id)?.programs[name];
      const toWg = calls.map(({ id, title, goal }) => ({
        what: `${title}, takes`,
        of: "wg",
        ratio: of(id)?.toReference?.median,
        goal,
      }));
      const [again, first] = [of("apply-1000-again")?.median, of("apply-1000")?.median];
      const repeated = {
        what: "apply, 1,000 peers, unchanged, takes",
        of: "the first time",
        ratio: again === undefined || first === undefined ? undefined : again / first,
        goal: repeatedGoal,
      };
      return [...toWg, repeated].flatMap(({ what, of, ratio, goal }) => {
        if (ratio === undefined) return [];
        const sentence = `${name}: ${what} ${ratio.toFixed(3)} of ${of}; the goal is at most ${goal}.`;
        return [{ sentence, reached: ratio <= goal }];
      });
    }),
};

/** Measures a leg on a fresh tunnel, inside a sandbox. */
export async function measureCall(leg: string, turn: Turn, reporting: Reporting): Promise<void> {
  const call = calls.find(({ id }) => id === leg);
  if (call === undefined) throw new Error(`There is no leg ${leg}.`);
  const byWg = turn.program.name === reference;
  const backend = turn.program.name === "ffi" ? "ffi" : "exec";
  const text = configWithPeers(call.peers);
  const open = () => openTunnel({ name: "wgb0", backend, logLevel: "silent" });
  reporting.doing(call.title);
  if (leg.startsWith("status")) {
    await using tunnel = await open();
    await tunnel.apply(text);
    const status = () => (byWg ? dumpAndSplit(tunnel) : tunnel.status());
    reporting.found(leg, medianOf(await repeated(() => timed(status))));
    return;
  }
  const file = "/run/wgb0.conf";
  await writeFile(file, text, { mode: 0o600 });
  const times = await repeated(async () => {
    await using tunnel = await open();
    const apply = () => (byWg ? run("wg", ["setconf", "wgb0", file]) : tunnel.apply(text));
    return { first: await timed(apply), again: await timed(apply) };
  });
  reporting.found(leg, medianOf(times.map(({ first }) => first)));
  reporting.found(`${leg}-again`, medianOf(times.map(({ again }) => again)));
  await rm(file);
}

/** What a program without the library does: it asks wg, and splits the answer. */
async function dumpAndSplit({ name }: Tunnel): Promise<readonly (readonly string[])[]> {
  const { stdout } = await run("wg", ["show", name, "dump"], { maxBuffer: 2 ** 28 });
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => line.split("\t"));
}

/** How long work takes, in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** What several measurements find, after a first one that warms up. */
async function repeated<T>(measure: () => Promise<T>): Promise<T[]> {
  await measure();
  const found: T[] = [];
  while (found.length < repeats) found.push(await measure());
  return found;
}

function medianOf(values: readonly number[]): number {
  return median(values) ?? Number.NaN;
}

/** The text of a configuration file with so many peers, each with every setting that a peer can have. */
function configWithPeers(count: number): string {
  const key = () => randomBytes(32).toString("base64");
  const peers = Array.from({ length: count }, (_, index) => {
    const low = `${index >> 8}.${index & 255}`;
    return `
[Peer]
PublicKey = ${key()}
PresharedKey = ${key()}
Endpoint = 192.0.2.${index % 250}:${1024 + index}
AllowedIPs = 10.${low}.0/24, fd00:${index.toString(16)}::/64
PersistentKeepalive = 0
`;
  });
  return `[Interface]\nPrivateKey = ${key()}\nListenPort = 51820\n${peers.join("")}`;
}
