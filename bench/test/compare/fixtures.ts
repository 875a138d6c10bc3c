import { readFileSync } from "node:fs";
import { packageRoot } from "../../../src/artifacts.js";
import type { Comparison, Failure, Run, StartUp } from "../../compare/comparison.js";
import type { Leg } from "../../compare/legs.js";
import { type Measured, summarise } from "../../compare/summary.js";
import { someMachine } from "../sandbox/some-machine.js";

/** A recorded output of netns.sh, trimmed. */
export function recorded(name: "passing" | "sticky-source-failing" | "start-up-failing"): string {
  return readFileSync(`${packageRoot}/bench/test/compare/fixtures/${name}.txt`, "utf8");
}

/** A line by which netns.sh announces a step. */
export function announce(step: string): string {
  return `\u001b[32m\u001b[1m[+] ${step}\u001b[0m\n`;
}

export const startUp: StartUp = {
  background: { milliseconds: 61.25, samples: [60, 61.25, 90], error: null },
  foreground: { milliseconds: 55, samples: [55], error: null },
};

/** The TCP tests of one section at this rate, and a UDP test that must not count among them. */
export function legsAt(gbitPerSecond: number | null): Leg[] {
  const section = "IPv4 outside, MTU 1420";
  return [
    { section, transport: "TCP", inside: "IPv4", gbitPerSecond },
    { section, transport: "TCP", inside: "IPv6", gbitPerSecond },
    { section, transport: "UDP", inside: "IPv4", gbitPerSecond: 0.5 },
  ];
}

export const passedRun: Run = {
  passed: true,
  stepsPassed: 251,
  seconds: 72.4,
  legs: legsAt(1.5),
  peakMemoryBytes: 20 * 2 ** 20,
  failure: null,
};

export const failure: Failure = {
  kind: "exit",
  step: 18,
  section: "set-up",
  command: "NS1: ip addr add 192.168.241.1/24 dev wg1",
  exitStatus: 1,
  lastLines: ['Cannot find device "wg1"'],
};

export const failedRun: Run = {
  passed: false,
  stepsPassed: 17,
  seconds: 2,
  legs: [],
  peakMemoryBytes: null,
  failure,
};

/** A program with these runs. */
export function measured(name: string, runs: readonly Run[]): Measured {
  const judged = name === "exec" || name === "ffi";
  return { program: { name, command: [`/opt/${name}`], judged }, startUp, runs };
}

/** A comparison of these programs; each must have the same number of runs. */
export function comparisonOf(...programs: readonly Measured[]): Comparison {
  return summarise({
    startedAt: new Date("2026-05-22T21:04:24Z"),
    repeats: programs[0]?.runs.length ?? 0,
    machine: someMachine,
    scriptHash: "0".repeat(64),
    measured: programs,
  });
}
