import type { Comparison } from "./comparison.js";

/** What came out, in one sentence. */
export function verdict({ passed, programs, repeats }: Comparison): string {
  if (passed) {
    const often = repeats === 1 ? "" : `, ${repeats} of ${repeats} times`;
    return `exec and ffi both passed upstream's netns.sh${often}.`;
  }
  const failed = programs.filter(({ judged, runsPassed }) => judged && runsPassed < repeats);
  const counts = failed.map(({ name, runsPassed }) => `${name} (${runsPassed} of ${repeats})`);
  return `Not every run passed: ${counts.join(", ")}.`;
}
