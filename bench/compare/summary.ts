import { geometricMean, median, ratio } from "../report/statistics.js";
import type { Machine } from "../sandbox/machine.js";
import type {
  ComparedLeg,
  Comparison,
  Failure,
  Program,
  ProgramResult,
  Run,
  StartUp,
  TcpRatio,
} from "./comparison.js";
import type { LegName } from "./legs.js";
import { countedSteps } from "./script.js";
import { sections } from "./sections.js";

/** What was measured of one program. */
export interface Measured {
  readonly program: Program;
  readonly startUp: StartUp;
  readonly runs: readonly Run[];
}

/** What a comparison is made from. */
export interface Measurements {
  readonly startedAt: Date;
  readonly repeats: number;
  readonly machine: Machine;
  /** SHA-256 of test/netns.sh, hexadecimal. */
  readonly scriptHash: string;
  readonly measured: readonly Measured[];
}

/** How far from 1 the ratio of ffi to exec may be. */
const tolerance = 0.05;

/** Puts what was measured side by side. */
export function summarise(measurements: Measurements): Comparison {
  const { startedAt, repeats, machine, scriptHash, measured } = measurements;
  const programs = measured.map(programResult);
  const judged = programs.filter((program) => program.judged);
  const passing = programs.flatMap(({ runs }) => runs).find((run) => run.passed);
  const legs = compareLegs(programs);
  return {
    schemaVersion: 1,
    startedAt: startedAt.toISOString(),
    passed: judged.length > 0 && judged.every((program) => program.runsPassed === repeats),
    repeats,
    machine,
    script: { sha256: scriptHash, steps: passing?.stepsPassed ?? countedSteps(scriptHash) },
    programs,
    legs,
    tcpRatio: tcpRatio(legs),
  };
}

function programResult({ program, startUp, runs }: Measured): ProgramResult {
  const passed = runs.filter((run) => run.passed);
  const peaks = runs.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? []);
  return {
    ...program,
    runsPassed: passed.length,
    stepsPassed: runs.length === 0 ? 0 : Math.min(...runs.map((run) => run.stepsPassed)),
    seconds: median(passed.map((run) => run.seconds)),
    startUp,
    peakMemoryBytes: peaks.length === 0 ? null : Math.max(...peaks),
    runs,
  };
}

function compareLegs(programs: readonly ProgramResult[]): ComparedLeg[] {
  const names = new Map<string, LegName>();
  for (const { section, transport, inside } of programs
    .flatMap(({ runs }) => runs)
    .flatMap(({ legs }) => legs)) {
    names.set(`${section}/${transport}/${inside}`, { section, transport, inside });
  }
  return [...names.values()].sort(inOrderOfTheScript).map((name) => {
    const medians = new Map(programs.map((program) => [program.name, goodput(program, name)]));
    return {
      ...name,
      gbitPerSecond: Object.fromEntries(medians),
      ffiToExec: ratio(medians.get("ffi") ?? null, medians.get("exec") ?? null),
    };
  });
}

/** In each of its traffic sections the script tests TCP before UDP, and IPv4 before IPv6. */
function inOrderOfTheScript(a: LegName, b: LegName): number {
  return (
    sections.indexOf(a.section) - sections.indexOf(b.section) ||
    a.transport.localeCompare(b.transport) ||
    a.inside.localeCompare(b.inside)
  );
}

function goodput({ runs }: ProgramResult, { section, transport, inside }: LegName): number | null {
  const sameLeg = (leg: LegName) =>
    leg.section === section && leg.transport === transport && leg.inside === inside;
  return median(runs.flatMap(({ legs }) => legs.find(sameLeg)?.gbitPerSecond ?? []));
}

function tcpRatio(legs: readonly ComparedLeg[]): TcpRatio {
  const ratios = legs.flatMap((leg) => (leg.transport === "TCP" ? (leg.ffiToExec ?? []) : []));
  const mean = geometricMean(ratios);
  return {
    ffiToExec: mean,
    legs: ratios.length,
    withinFivePercent: mean === null ? null : Math.abs(mean - 1) <= tolerance,
  };
}

/** A failure, and the runs it happened in. */
export interface RepeatedFailure {
  readonly failure: Failure;
  /** Numbers of the runs, from 1. */
  readonly runs: readonly number[];
}

/** The failures of a program, those at the same step in the same way taken together. */
export function failuresOf({ runs }: ProgramResult): RepeatedFailure[] {
  const same = new Map<string, { failure: Failure; runs: number[] }>();
  for (const [index, { failure }] of runs.entries()) {
    if (failure === null) continue;
    const key = `${failure.step} ${failure.kind}`;
    const known = same.get(key);
    if (known === undefined) same.set(key, { failure, runs: [index + 1] });
    else known.runs.push(index + 1);
  }
  return [...same.values()];
}
