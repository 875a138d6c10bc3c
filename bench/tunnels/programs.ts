import { fileURLToPath } from "node:url";
import {
  type Environment,
  executablePath,
  packageRoot,
  upstreamExecutablePath,
} from "../../src/artifacts.js";
import { requireTrustedFile } from "../../src/trust.js";
import type { NamedProgram } from "../sandbox/named-program.js";

const main = `${packageRoot}/dist/src/cli/main.js`;
const host = fileURLToPath(new URL("./event-loop-host.js", import.meta.url));

/** The program that every other is compared with. */
export const reference = "upstream";

/** What is started for a tunnel. */
export interface TunnelProgram {
  /** To it "-f" and the interface's name are added. */
  readonly command: readonly string[];
  /** What is added to its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A program to measure. */
export interface MeasuredProgram extends TunnelProgram {
  readonly name: string;
  /** The command of a Node program that holds such a tunnel. null: it has nothing to do with Node. */
  readonly host: readonly string[] | null;
  /** Whether the exit status depends on it: not for a peer. */
  readonly judged: boolean;
}

/**
 * The programs in the order of their columns. exec is the executable itself, since Node only starts it.
 * @param without for each further column of exec, the levers that it does without
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED where another user could change the executable
 */
export function measuredPrograms(
  peers: readonly NamedProgram[],
  without: readonly string[],
  env: Environment,
): MeasuredProgram[] {
  requireTrustedFile(executablePath(env), "WIREGUARD_GO_EXECUTABLE");
  const ours = { env: {}, host: null, judged: true };
  const exec = { ...ours, command: [executablePath(env)] };
  return [
    { ...ours, name: reference, command: [upstreamExecutablePath] },
    ...peers.map(({ name, path }) => ({ ...ours, name, command: [path], judged: false })),
    { ...exec, name: "exec", host: [process.execPath, host, "exec"] },
    {
      ...ours,
      name: "ffi",
      command: [process.execPath, main, "--backend=ffi"],
      host: [process.execPath, host, "ffi"],
    },
    ...without.map((levers) => ({
      ...exec,
      name: `exec -${levers}`,
      env: { WG_BRIDGE_DISABLE: levers },
    })),
  ];
}
