import type { StartFailureCode } from "../start-failure.js";

/** How a child process ended, and the last lines that it wrote. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: readonly string[];
}

/**
 * What the end of a wireguard-go program before it was ready means. The texts are those of the
 * engine's main.go and tun_linux.go, of the kernel's errors as Go prints them, and of boringtun-cli.
 */
export function classify(end: ChildEnd): StartFailureCode {
  const said = end.output.join("\n").toLowerCase();
  if (end.signal !== null) return "WG_BRIDGE_EXECUTABLE_CRASHED";
  if (/socket in use|address already in use|is in use/.test(said)) return "WG_BRIDGE_SOCKET_IN_USE";
  if (/too many open files|cannot allocate memory|no buffer space/.test(said)) {
    return "WG_BRIDGE_RESOURCES";
  }
  if (/\/dev\/net\/tun[^\n]*(does not exist|no such (file|device))/.test(said)) {
    return "WG_BRIDGE_NO_TUN";
  }
  if (/operation not permitted|permission denied/.test(said)) return "WG_BRIDGE_PERMISSION";
  // TUNSETIFF answers EINVAL where the name belongs to an interface that is not a TUN.
  if (/resource busy|create tun device: invalid argument/.test(said)) {
    return "WG_BRIDGE_INTERFACE_EXISTS";
  }
  if (end.code !== 1) return "WG_BRIDGE_EXECUTABLE_CRASHED";
  return "WG_BRIDGE_ENGINE";
}

/** The line that best says why: the last one marked as an error, or else the last one. */
export function cause(end: ChildEnd): string {
  const lines = end.output.filter((line) => line.trim() !== "");
  const line = lines.findLast((candidate) => candidate.startsWith("ERROR:")) ?? lines.at(-1);
  if (line !== undefined) return line;
  return end.signal === null ? `exit code ${end.code}` : `killed by ${end.signal}`;
}
