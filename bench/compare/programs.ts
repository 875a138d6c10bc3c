import { packageRoot } from "../../src/artifacts.js";
import type { NamedProgram } from "../sandbox/named-program.js";
import type { Program } from "./comparison.js";

const main = `${packageRoot}/dist/src/cli/main.js`;

/** The programs to compare in the order of their columns: those of --also, then exec, then ffi. */
export function comparedPrograms(also: readonly NamedProgram[]): Program[] {
  return [
    ...also.map(({ name, path }) => ({ name, command: [path], judged: false })),
    ...["exec", "ffi"].map((backend) => ({
      name: backend,
      command: [process.execPath, main, `--backend=${backend}`],
      judged: true,
    })),
  ];
}
