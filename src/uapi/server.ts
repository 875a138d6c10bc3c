import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { socketPath } from "./socket.js";

/** The program that serves an interface. */
export interface Server {
  readonly pid: number;
  /** Path of its executable. */
  readonly program: string;
}

/**
 * Finds which process holds the interface's listening UAPI socket, by proc(5). Undefined where this
 * user may not see it.
 */
export function serverOf(name: string): Server | undefined {
  const inode = inodeOf(socketPath(name));
  if (inode === undefined) return undefined;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    if (!holds(pid, `socket:[${inode}]`)) continue;
    return { pid: Number(pid), program: readlinkSync(`/proc/${pid}/exe`) };
  }
  return undefined;
}

/** Which backend of wg-bridge a program is: Node.js itself, or the executable that it starts. */
export function backendOf(program: string): "ffi" | "exec" | "other" {
  const name = basename(program).replace(/ \(deleted\)$/, "");
  if (name === "node") return "ffi";
  return name === "wireguard-go" ? "exec" : "other";
}

/** A listening socket's line in /proc/net/unix: flags 00010000, its inode, its path. */
function inodeOf(path: string): string | undefined {
  const paths = [path, path.replace(/^\/var\/run\//, "/run/")];
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(([, , , flags, , , , bound = ""]) => flags === "00010000" && paths.includes(bound))?.[6];
}

function holds(pid: string, link: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === link,
    );
  } catch {
    return false; // it has ended, or is another user's
  }
}
