import { executablePath, packageRoot, upstreamExecutablePath } from "../../src/artifacts.js";
import type { NamedProgram } from "../../src/sandbox/named-program.js";

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

/** The programs in the order of their columns. */
export function fieldPrograms(others: readonly NamedProgram[]): FieldProgram[] {
  return [...ownPrograms, ...others.map(({ name, path }) => ({ name, command: [path] }))];
}
