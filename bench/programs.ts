import type { Environment } from "../src/artifacts.js";
import type { BenchArguments } from "./arguments.js";
import type { Bench, Program } from "./bench.js";

/**
 * Chooses the programs to measure, and the one that the others are compared with: the benchmark's own, if it is measured.
 * @throws Error whose message is a sentence for a person
 */
export function choosePrograms(
  bench: Pick<Bench, "programs" | "reference">,
  wanted: Pick<BenchArguments, "also" | "without" | "programs" | "reference">,
  env: Environment,
): { readonly programs: readonly Program[]; readonly reference: string | null } {
  const all = bench.programs(wanted, env);
  const names = all.map(({ name }) => name);
  const added = [
    ...wanted.also.map(({ name }) => name),
    ...wanted.without.map((levers) => `exec -${levers}`),
  ];
  for (const name of wanted.programs ?? []) {
    if (!names.includes(name)) {
      throw new Error(`--programs ${JSON.stringify(name)} is none of ${names.join(", ")}.`);
    }
  }
  const programs = all.filter(
    ({ name }) => wanted.programs?.includes(name) !== false || added.includes(name),
  );
  const isMeasured = (name: string | null) => programs.some((program) => program.name === name);
  const { reference } = wanted;
  if (reference === undefined) {
    return { programs, reference: isMeasured(bench.reference) ? bench.reference : null };
  }
  if (isMeasured(reference)) return { programs, reference };
  const measured = programs.map(({ name }) => name).join(", ");
  throw new Error(`--reference ${JSON.stringify(reference)} is none of ${measured}.`);
}
