import { fileURLToPath } from "node:url";
import {
  type Environment,
  executablePath,
  packageRoot,
  upstreamExecutablePath,
} from "../artifacts.js";
import type { NamedProgram } from "../sandbox/named-program.js";
import { reference } from "./summary.js";

const main = `${packageRoot}/dist/src/cli/main.js`;
const host = fileURLToPath(new URL("./event-loop-host.js", import.meta.url));

/** A program to measure. */
export interface MeasuredProgram {
  readonly name: string;
  /** To it "-f" and the interface's name are added. */
  readonly command: readonly string[];
  /** The command of a Node program that holds such a tunnel. null: it has nothing to do with Node. */
  readonly host: readonly string[] | null;
}

/** The programs in the order of their columns. exec is the executable itself: Node only starts it. */
export function measuredPrograms(
  peers: readonly NamedProgram[],
  env: Environment,
): MeasuredProgram[] {
  return [
    { name: reference, command: [upstreamExecutablePath], host: null },
    ...peers.map(({ name, path }) => ({ name, command: [path], host: null })),
    { name: "exec", command: [executablePath(env)], host: [process.execPath, host, "exec"] },
    {
      name: "ffi",
      command: [process.execPath, main, "--backend=ffi"],
      host: [process.execPath, host, "ffi"],
    },
  ];
}
