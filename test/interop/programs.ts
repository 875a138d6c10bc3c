import { existsSync } from "node:fs";
import { boringtunEnvironment } from "../../bench/tunnels/boringtun.js";
import { packageRoot } from "../../src/artifacts.js";
import type { TunnelOptions } from "../../src/index.js";

/** A program that scripts/interop builds. */
export interface OtherProgram {
  readonly name: string;
  readonly path: string;
  /** The end of the title of a test that needs it. */
  readonly mark: string;
}

/** Returns where scripts/interop puts a program, and whether it is there. */
export function otherProgram(name: string): OtherProgram {
  const path = `${packageRoot}/build/interop/bin/${name}`;
  const mark = existsSync(path) ? "" : ` [skipped: ${name} was not built: run scripts/interop]`;
  return { name, path, mark };
}

/** Options that run the other program as our exec backend. */
export function other(path: string): Partial<TunnelOptions> {
  const env = { ...process.env, ...boringtunEnvironment, WIREGUARD_GO_EXECUTABLE: path };
  return { backend: "exec", env };
}

/** Lets the programs keep root's privileges: unless this is set, they drop them before they make the interface. */
export function keepPrivileges(): void {
  process.env.WG_SUDO = "true";
}
