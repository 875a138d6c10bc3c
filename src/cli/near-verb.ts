import { editDistance } from "../text/edit-distance.js";

/**
 * Returns the verb that was meant by a word that is none, if it is likely: the word is the start of a verb,
 * of three letters or more, or a verb of four letters or more with one letter wrong, missing, too much, or
 * in the place of its neighbour. With a digit in it a word is an interface's name.
 */
export function nearVerb(word: string, verbs: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  if (!/^[a-z]+$/.test(lower)) return undefined;
  return (
    verbs.find((verb) => verb === lower) ??
    verbs.find((verb) => lower.length >= 3 && verb.startsWith(lower)) ??
    verbs.find((verb) => verb.length >= 4 && editDistance(lower, verb) === 1)
  );
}
