import { constants } from "node:os";
import type { Failure } from "../status.js";

// Programs that are not wg-bridge's own (upstream's wireguard-go, boringtun-cli, gotatun) say only in their output why
// they failed, and every program says only there why it crashed. This is the one place that reads meaning from it.

const { errno } = constants;

/** How a child process ended, and what it wrote. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its last lines. */
  readonly output: readonly string[];
  /** The first line of its crash, if it crashed. */
  readonly crash?: string | undefined;
}

/** Whether a line begins the report of a crash: by Go's runtime ("SIGQUIT: quit"), or by Rust's. */
export function isCrash(line: string): boolean {
  return /^(panic: |fatal error: |SIG[A-Z0-9]+: |thread '.*' (\(\d+\) )?panicked at )/.test(line);
}

/** Whether ip(8) says that this system has no call for what it should do, as gVisor: ENOTTY, in the words of glibc or musl. */
export function isMissingCall(said: string): boolean {
  return /: (Inappropriate ioctl for device|Not a tty)$/m.test(said);
}

/** How a child ended, for a sentence: "crashed (panic: …)". */
export function describeEnd({ code, signal, crash }: ChildEnd): string {
  if (crash !== undefined) return `crashed (${crash})`;
  return signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
}

/** Why a program that said nothing on its status descriptor did not start a tunnel. */
export function failureOf(end: ChildEnd): Failure {
  const lines = end.output.filter((line) => line.trim() !== "");
  const last = lines.findLast((line) => line.startsWith("ERROR:")) ?? lines.at(-1);
  const said = end.crash !== undefined || last === undefined ? "" : `, and said "${last.trim()}"`;
  return { code: codeOf(end), errno: errno.EIO, fact: `its program ${describeEnd(end)}${said}` };
}

/** The texts are those of the engine's main.go and tun_linux.go, of errors as Go prints them, and of boringtun-cli. */
function codeOf(end: ChildEnd): string {
  if (end.signal !== null || end.crash !== undefined) return "WG_BRIDGE_EXECUTABLE_CRASHED";
  const said = end.output.join("\n").toLowerCase();
  if (/socket in use|address already in use|is in use/.test(said)) return "WG_BRIDGE_SOCKET_IN_USE";
  if (/too many open files|cannot allocate memory|no buffer space/.test(said)) {
    return "WG_BRIDGE_RESOURCES";
  }
  if (/\/dev\/net\/tun[^\n]*(does not exist|no such (file|device))/.test(said)) {
    return "WG_BRIDGE_NO_TUN";
  }
  if (/read-only file system/.test(said)) return "WG_BRIDGE_SOCKET_DIRECTORY";
  if (/operation not permitted|permission denied/.test(said)) return "WG_BRIDGE_PERMISSION";
  // TUNSETIFF answers EINVAL if the name belongs to an interface that is not a TUN.
  if (/resource busy|create tun device: invalid argument/.test(said)) {
    return "WG_BRIDGE_INTERFACE_EXISTS";
  }
  return end.code === 1 ? "WG_BRIDGE_ENGINE" : "WG_BRIDGE_EXECUTABLE_CRASHED";
}
