import { existsSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import type { TunnelOptions } from "../../src/index.js";
import { ip } from "../sandbox.js";

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
  return { backend: "exec", env: { ...process.env, WIREGUARD_GO_EXECUTABLE: path } };
}

/** Lets the programs keep root's privileges: unless this is set, they drop them before they make the interface. */
export function keepPrivileges(): void {
  process.env.WG_SUDO = "true";
}

/**
 * Makes an interface that a program finds when it starts. boringtun truncates packets at the MTU that it
 * knows. It reads the MTU at its start, and once a second while the interface is in its own namespace.
 */
export function makeTun(name: string, mtu: number): void {
  ip("tuntap", "add", "dev", name, "mode", "tun", "multi_queue");
  ip("link", "set", name, "mtu", String(mtu));
}
