import type { NamedProgram } from "../../bench/sandbox/named-program.js";
import { executablePath, packageRoot, upstreamExecutablePath } from "../../src/artifacts.js";

/** The program that every other is compared with, and that the peers of the server run. */
export const reference = "upstream";

/** A program to measure. */
export interface FieldProgram {
  readonly name: string;
  /** "-f" and the interface's name follow it. */
  readonly command: readonly string[];
}

/** Runs both ends that are not under test, so that only the server differs. */
export const peerProgram: FieldProgram = { name: reference, command: [upstreamExecutablePath] };

/** Ours, and the reference first. */
export const ownPrograms: readonly FieldProgram[] = [
  peerProgram,
  { name: "exec", command: [executablePath(process.env)] },
  {
    name: "ffi",
    command: [process.execPath, `${packageRoot}/dist/src/cli/main.js`, "--backend=ffi"],
  },
];

/**
 * The programs in the order of their columns.
 * @param only the names of those that are wanted. undefined: all
 * @throws Error if one of these names is not a program's
 */
export function fieldPrograms(
  others: readonly NamedProgram[],
  only: readonly string[] | undefined,
): FieldProgram[] {
  const all = [...ownPrograms, ...others.map(({ name, path }) => ({ name, command: [path] }))];
  if (only === undefined) return all;
  const stranger = only.find((wanted) => !all.some(({ name }) => name === wanted));
  if (stranger !== undefined) throw new Error(`--only names no program ${stranger}.`);
  return all.filter(({ name }) => only.includes(name));
}
