import { type Interval, median, medianInterval, quantile, ratio } from "../report/statistics.js";
import { type Figure, figures } from "./figures.js";
import { type MeasuredProgram, reference } from "./programs.js";
import type {
  BenchFigure,
  BenchResult,
  FfiToExec,
  LegFailure,
  Noise,
  ProgramFigure,
  RatioFigure,
  Verdict,
} from "./result.js";
import type { Finding } from "./visit.js";

/** What one program told in each round. */
export interface Told {
  readonly program: MeasuredProgram;
  readonly rounds: readonly (readonly Finding[])[];
}

/** The program whose ratios tell what noise is left. */
const steadiest = "exec";

/** How far from exec ffi may be. */
const tolerance = 0.03;

/** Puts what was measured side by side. */
export function summarise(
  heading: Pick<BenchResult, "startedAt" | "machine" | "rounds" | "seconds">,
  told: readonly Told[],
): BenchResult {
  const shown = figures.flatMap((figure) => benchFigure(figure, told) ?? []);
  return {
    schemaVersion: 1,
    ...heading,
    programs: told.map(({ program: { name, command, env, judged }, rounds }) => ({
      name,
      command,
      env,
      judged,
      failures: failuresOf(rounds),
    })),
    figures: shown,
    noise: noiseOf(shown),
  };
}

function failuresOf(rounds: readonly (readonly Finding[])[]): LegFailure[] {
  const same = new Map<string, LegFailure>();
  for (const finding of rounds.flat()) {
    if (finding.kind !== "failed") continue;
    const { leg, because } = finding;
    const key = `${leg} ${because}`;
    same.set(key, { leg, because, rounds: (same.get(key)?.rounds ?? 0) + 1 });
  }
  return [...same.values()];
}

function benchFigure(figure: Figure, told: readonly Told[]): BenchFigure | undefined {
  const samples = new Map(
    told.map(({ program, rounds }) => [program.name, samplesOf(figure.id, rounds)]),
  );
  const upstream = samples.get(reference) ?? [];
  const programs = told.flatMap(({ program: { name } }): [string, ProgramFigure][] => {
    const own = samples.get(name) ?? [];
    const known = numbers(own);
    const [middle, low, high] = [median(known), quantile(known, 0.25), quantile(known, 0.75)];
    if (middle === null || low === null || high === null) return [];
    const toUpstream = name === reference ? null : compared(own, upstream, figure.better);
    return [[name, { samples: own, median: middle, quartiles: { low, high }, toUpstream }]];
  });
  if (programs.length === 0) return undefined;
  const { id, leg, title, unit, better } = figure;
  const ffiToExec = figure.dataPath
    ? ffiComparedToExec(samples.get("ffi") ?? [], samples.get("exec") ?? [])
    : null;
  return { id, leg, title, unit, better, programs: Object.fromEntries(programs), ffiToExec };
}

function samplesOf(id: string, rounds: readonly (readonly Finding[])[]): (number | null)[] {
  return rounds.map((findings) => {
    const found = findings.find((finding) => finding.kind === "found" && finding.id === id);
    return found?.kind === "found" ? found.value : null;
  });
}

function numbers(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

type Samples = readonly (number | null)[];

function ratios(samples: Samples, below: Samples): Omit<RatioFigure, "verdict"> | null {
  const byRound = samples.map((sample, round) => ratio(sample, below[round] ?? null));
  const known = numbers(byRound);
  const comparable = samples.filter(
    (sample, round) => sample !== null && typeof below[round] === "number",
  );
  if (known.length < comparable.length) return null;
  const middle = median(known);
  return middle === null ? null : { byRound, median: middle, interval: medianInterval(known) };
}

function compared(samples: Samples, upstream: Samples, better: Figure["better"]) {
  const figure = ratios(samples, upstream);
  return figure === null ? null : { ...figure, verdict: verdictOn(figure.interval, better) };
}

/** What an interval of ratios to upstream says. */
export function verdictOn(interval: Interval | null, better: Figure["better"]): Verdict {
  if (interval === null) return "too few rounds";
  if (interval.low <= 1 && interval.high >= 1) return "undecided";
  return interval.low > 1 === (better === "more") ? "better" : "worse";
}

function ffiComparedToExec(ffi: Samples, exec: Samples): FfiToExec | null {
  const figure = ratios(ffi, exec);
  return figure === null ? null : { ...figure, verdict: closeness(figure.interval) };
}

/** What an interval of ratios of ffi to exec says. */
export function closeness(interval: Interval | null): FfiToExec["verdict"] {
  if (interval === null) return "too few rounds";
  const { low, high } = interval;
  const [least, most] = [1 - tolerance, 1 + tolerance];
  if (low >= least && high <= most) return "within";
  return high < least || low > most ? "beyond" : "undecided";
}

function noiseOf(shown: readonly BenchFigure[]): Noise {
  const spread = (values: readonly number[]): number[] => {
    const [low, middle, high] = [quantile(values, 0.25), median(values), quantile(values, 0.75)];
    if (values.length < 3 || low === null || !middle || high === null) return [];
    return [(high - low) / middle];
  };
  return {
    upstream: median(
      shown.flatMap(({ programs }) => spread(numbers(programs[reference]?.samples ?? []))),
    ),
    ratios: median(
      shown.flatMap(({ programs }) =>
        spread(numbers(programs[steadiest]?.toUpstream?.byRound ?? [])),
      ),
    ),
  };
}
