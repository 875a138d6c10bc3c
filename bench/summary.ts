import type { Bench, Figure, Program, Turn } from "./bench.js";
import { type Interval, median, medianInterval, quantile, ratio } from "./report/statistics.js";
import type {
  Closeness,
  Failure,
  FigureResult,
  Measured,
  Noise,
  Result,
  Verdict,
} from "./result.js";
import type { Finding } from "./rounds.js";

/** What one program found in each round. */
export interface Findings {
  readonly program: Program;
  readonly rounds: readonly (readonly Finding[])[];
}

/** ffi counts as equal to exec within this share. */
const tolerance = 0.03;

/** Puts what was measured side by side. */
export function summarise(
  bench: Bench,
  {
    congestion,
    ...heading
  }: Pick<Result, "startedAt" | "machine" | "rounds" | "seconds"> & Pick<Turn, "congestion">,
  measured: readonly Findings[],
): Result {
  const { name, reference, goalsDecide, input } = bench;
  const figures = bench.figures.flatMap(
    (figure) => figureResult(figure, reference, measured) ?? [],
  );
  const programs = measured.map(({ program: { host, ...program }, rounds }) => ({
    ...program,
    rounds: rounds.length,
    roundsPassed: rounds.filter((round) => round.every(({ kind }) => kind !== "failed")).length,
    failures: failuresOf(rounds),
  }));
  const result = {
    schemaVersion: 2 as const,
    bench: name,
    ...heading,
    input: input?.() ?? {},
    legs: bench.legs
      .filter(({ id }) => figures.some(({ leg }) => leg === id))
      .map((leg) => ({ ...leg, congestion: congestion[leg.id] ?? null })),
    reference,
    programs,
    figures,
    noise: noiseOf(figures, reference),
  };
  const goals = bench.goals(result);
  const judged = programs.filter((program) => program.judged);
  const passed =
    judged.length > 0 &&
    judged.every(({ rounds, roundsPassed }) => roundsPassed === rounds) &&
    !(goalsDecide && goals.some(({ reached }) => !reached));
  return { ...result, goals, passed };
}

function failuresOf(rounds: readonly (readonly Finding[])[]): Failure[] {
  const same = new Map<string, Failure>();
  for (const [index, finding] of rounds.flatMap((round, index) =>
    round.map((finding) => [index, finding] as const),
  )) {
    if (finding.kind !== "failed") continue;
    const { leg, because, output } = finding;
    const known = same.get(`${leg} ${because}`) ?? { leg, because, output, rounds: [] };
    same.set(`${leg} ${because}`, { ...known, rounds: [...known.rounds, index + 1] });
  }
  return [...same.values()];
}

function figureResult(
  { ffiToExec, ...figure }: Figure,
  reference: string | null,
  measured: readonly Findings[],
): FigureResult | undefined {
  const samples = new Map(
    measured.map(({ program, rounds }) => [program.name, samplesOf(figure.id, rounds)]),
  );
  const programs = [...samples].flatMap(([name, own]): [string, Measured][] => {
    const known = numbers(own);
    const [middle, low, high] = [median(known), quantile(known, 0.25), quantile(known, 0.75)];
    if (middle === null || low === null || high === null) return [];
    const below = reference === null || name === reference ? [] : (samples.get(reference) ?? []);
    const toReference = ratios(own, below, (interval) => verdictOn(interval, figure.better));
    return [[name, { samples: own, median: middle, quartiles: { low, high }, toReference }]];
  });
  if (programs.length === 0) return undefined;
  const [ffi = [], exec = []] = [samples.get("ffi"), samples.get("exec")];
  return {
    ...figure,
    programs: Object.fromEntries(programs),
    ffiToExec: ffiToExec ? ratios(ffi, exec, closeness) : null,
  };
}

type Samples = readonly (number | null)[];

function samplesOf(id: string, rounds: readonly (readonly Finding[])[]): Samples {
  return rounds.map((findings) => {
    const found = findings.find((finding) => finding.kind === "found" && finding.id === id);
    return found?.kind === "found" ? found.value : null;
  });
}

function numbers(values: Samples): number[] {
  return values.filter((value) => value !== null);
}

function ratios<V extends Verdict | Closeness["verdict"]>(
  samples: Samples,
  below: Samples,
  judge: (interval: Interval | null) => V,
) {
  const byRound = samples.map((sample, round) => ratio(sample, below[round] ?? null));
  const known = numbers(byRound);
  const comparable = samples.filter(
    (sample, round) => sample !== null && typeof below[round] === "number",
  );
  const middle = median(known);
  if (middle === null || known.length < comparable.length) return null;
  const interval = medianInterval(known);
  return { byRound, median: middle, interval, verdict: judge(interval) };
}

/** What an interval of ratios to the reference says. */
export function verdictOn(interval: Interval | null, better: Figure["better"]): Verdict {
  if (interval === null) return "too few rounds";
  if (interval.low <= 1 && interval.high >= 1) return "undecided";
  return interval.low > 1 === (better === "more") ? "better" : "worse";
}

/** What an interval of ratios of ffi to exec says. */
export function closeness(interval: Interval | null): Closeness["verdict"] {
  if (interval === null) return "too few rounds";
  const { low, high } = interval;
  const [minimum, maximum] = [1 - tolerance, 1 + tolerance];
  if (low >= minimum && high <= maximum) return "within";
  return high < minimum || low > maximum ? "beyond" : "undecided";
}

function noiseOf(figures: readonly FigureResult[], reference: string | null): Noise {
  const spread = (values: Samples): number[] => {
    const known = numbers(values);
    const [low, middle, high] = [quantile(known, 0.25), median(known), quantile(known, 0.75)];
    if (known.length < 3 || low === null || !middle || high === null) return [];
    return [(high - low) / middle];
  };
  const spreadOf = (samples: (programs: FigureResult["programs"]) => Samples | undefined) =>
    median(figures.flatMap(({ programs }) => spread(samples(programs) ?? [])));
  return {
    reference: spreadOf((programs) => programs[reference ?? ""]?.samples),
    ratios: spreadOf((programs) => programs.exec?.toReference?.byRound),
  };
}
