import { readFile, rm } from "node:fs/promises";
import { type CommandResult, runCommand } from "./command.js";
import { readGoTests } from "./go-test.js";
import { readMochaTests } from "./mocha.js";
import { type Outcome, oneFailed, onePassed, oneSkipped } from "./outcome.js";

/** One line of the test run. */
export interface Check {
  readonly name: string;
  readonly command: readonly string[];
  /** Whether it needs namespaces and a TUN device; where the machine has none, it is skipped. */
  readonly needsSandbox: boolean;
  readonly read: (result: CommandResult) => Outcome | Promise<Outcome>;
}

/** The status by which a script says that this machine cannot run it; its last line says why. */
const cannotRun = 77;

/** Twice what the slowest check takes on two busy cores, in milliseconds. */
const limit = 20 * 60_000;

const mochaReport = "build/checks/mocha.json";

/** Every check, the quick ones first. The commands run in the directory of package.json. */
export const checks: readonly Check[] = [
  plain("gofmt", [
    "bash",
    "-c",
    'unformatted=$(gofmt -l bench cmd go test); echo "$unformatted"; [[ -z $unformatted ]]',
  ]),
  plain("biome", ["node_modules/.bin/biome", "ci", "--colors=off", "--diagnostic-level=warn"]),
  plain("tsc", ["node_modules/.bin/tsc", "-p", ".", "--noEmit", "--incremental", "false"]),
  plain("go vet", ["go", "vet", "./..."]),
  plain("staticcheck", ["go", "tool", "staticcheck", "./..."]),
  {
    name: "go test -race",
    command: ["scripts/sandbox", "go", "test", "-race", "-json", "./..."],
    needsSandbox: true,
    read: ({ output, status }) => readGoTests(output, status),
  },
  {
    name: "go test -race, all offloads off",
    command: [
      "scripts/sandbox",
      "env",
      "WG_BRIDGE_DISABLE=all",
      "go",
      "test",
      "-race",
      "-json",
      "./go/soak",
    ],
    needsSandbox: true,
    read: ({ output, status }) => readGoTests(output, status),
  },
  {
    // What shall allocate nothing: these tests are not there with the race detector, which allocates.
    name: "allocations",
    command: [
      "scripts/sandbox",
      "go",
      "test",
      "-json",
      "-run",
      "AllocatesNothing",
      "./go/udp",
      "./go/tun",
    ],
    needsSandbox: true,
    read: ({ output, status }) => readGoTests(output, status),
  },
  plain("fuzz", ["scripts/fuzz", "3"]),
  {
    name: "soak",
    command: ["scripts/soak", "60", "-json"],
    needsSandbox: true,
    read: ({ output, status }) => readGoTests(output, status),
  },
  {
    name: "mocha",
    command: [
      "scripts/sandbox",
      "node_modules/.bin/mocha",
      "--reporter",
      "json",
      "--reporter-option",
      `output=${mochaReport}`,
    ],
    needsSandbox: true,
    read: readMochaReport,
  },
  plain("reference", ["scripts/reference", "--check"]),
  inSandbox("package", ["test/package.sh"]),
  inSandbox("netns.sh on exec", ["test/test.sh", "exec"]),
  inSandbox("netns.sh on ffi", ["test/test.sh", "ffi"]),
  inSandbox("netns.sh on exec, all offloads off", [
    "env",
    "WG_BRIDGE_DISABLE=all",
    "test/test.sh",
    "exec",
  ]),
  inSandbox("the comparison without root", [
    "scripts/unprivileged",
    "node",
    "dist/bench/main.js",
    "compare",
  ]),
];

/** Runs one check. `obstacle` is why the sandbox does not work here, if it does not. */
export async function runCheck(check: Check, obstacle: string | undefined): Promise<Outcome> {
  if (check.needsSandbox && obstacle !== undefined) return oneSkipped(check.name, obstacle);
  await rm(mochaReport, { force: true });
  return check.read(await runCommand(check.command, limit));
}

/** Why nothing can run in the sandbox on this machine; undefined when everything can. */
export async function findSandboxObstacle(): Promise<string | undefined> {
  const openTun = ["scripts/sandbox", "bash", "-c", "exec 3<>/dev/net/tun"];
  const { status, output } = await runCommand(openTun, limit);
  return status === 0 ? undefined : lastLine(output);
}

function plain(name: string, command: readonly string[]): Check {
  return { name, command, needsSandbox: false, read: (result) => readStatus(name, result) };
}

function inSandbox(name: string, command: readonly string[]): Check {
  return { ...plain(name, command), needsSandbox: true };
}

function readStatus(name: string, { status, output }: CommandResult): Outcome {
  if (status === 0) return onePassed;
  return status === cannotRun ? oneSkipped(name, lastLine(output)) : oneFailed(output);
}

async function readMochaReport({ output, status }: CommandResult): Promise<Outcome> {
  const report = await readFile(mochaReport, "utf8").catch(() => undefined);
  return readMochaTests(report, output, status);
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
