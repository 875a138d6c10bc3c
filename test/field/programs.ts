import type { NamedProgram } from "../../bench/sandbox/named-program.js";
import { packageRoot, upstreamExecutablePath } from "../../src/artifacts.js";
import { executablePath } from "../../src/engine/files.js";

/** The name of the program that every other is compared with. */
export const reference = "upstream";

/** A program to measure. */
export interface FieldProgram {
  readonly name: string;
  /** Called with "-f" and the interface's name. */
  readonly command: readonly string[];
}

/** Runs every peer, so that only the server under test differs. */
export const peerProgram: FieldProgram = { name: reference, command: [upstreamExecutablePath] };

/** The reference, then ours. */
export const ownPrograms: readonly FieldProgram[] = [
  peerProgram,
  { name: "exec", command: [executablePath(process.env)] },
  {
    name: "ffi",
    command: [process.execPath, `${packageRoot}/dist/src/cli/main.js`, "--backend=ffi"],
  },
];

/**
 * Returns the programs to measure, in the order of their columns.
 * @param only their names. undefined: all
 */
export function fieldPrograms(
  others: readonly NamedProgram[],
  only: readonly string[] | undefined,
): FieldProgram[] {
  const all = [...ownPrograms, ...others.map(({ name, path }) => ({ name, command: [path] }))];
  return all.filter(({ name }) => only?.includes(name) ?? true);
}
