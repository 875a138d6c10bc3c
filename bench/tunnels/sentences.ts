import type { BenchResult, Noise } from "./result.js";

/** How far the rounds were apart, as a sentence. */
export function noiseSentence({ upstream, ratios }: Noise): string {
  if (upstream === null) return "Noise: it takes three rounds at least to tell.";
  const own = `Noise: half of upstream's samples lay within ${percent(upstream)} of each other`;
  return ratios === null
    ? `${own}.`
    : `${own}, half of exec's ratios to it within ${percent(ratios)}.`;
}

/** What the figures mean, as sentences. */
export const notes = [
  "Each figure: median of the rounds, ± half the distance of its quartiles, ratio to upstream in the same round.",
  "+ better, - worse than upstream with 95 percent confidence; ~ the noise carries no verdict; ? fewer than six rounds.",
  "ffi/exec: = within 3 percent, ! beyond, ~ undecided. Up: from the near end to the far one; down: the other way.",
  "A tunnel has one peer, but for the lines that name more. exec is the executable alone, ffi is Node with the library.",
] as const;

/** What programs could not do, a sentence each. */
export function failureSentences({ programs, figures, rounds }: BenchResult): string[] {
  return programs.flatMap(({ name, failures }) =>
    failures.map(({ leg, because, rounds: failed }) => {
      const some = figures.some((figure) => figure.leg === leg && name in figure.programs);
      const what = some ? "not all figures" : "no figures";
      return `${name} has ${what} of "${leg}" in ${failed} of ${rounds} rounds, because: ${because}`;
    }),
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
