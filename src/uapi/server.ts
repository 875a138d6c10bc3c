import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { systemCodeOf } from "../errors.js";
import { requireTrustedDirectory, socketDirectory } from "../trust.js";
import { isInterfaceName } from "../values/interface-name.js";
import { isServed, socketPath } from "./socket.js";

/**
 * Lists the interfaces that a program serves, in alphabetical order.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export async function servedInterfaces(): Promise<readonly string[]> {
  requireTrustedDirectory(socketDirectory);
  const names = (await socketNames()).toSorted();
  const served = await Promise.all(names.map(isServed));
  return names.filter((_, index) => served[index]);
}

async function socketNames(): Promise<readonly string[]> {
  try {
    const files = await readdir(socketDirectory);
    const names = files.flatMap((file) => (file.endsWith(".sock") ? [file.slice(0, -5)] : []));
    // An impossible name cannot be attached to either.
    return names.filter(isInterfaceName);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** The program that serves an interface. */
export interface Server {
  readonly pid: number;
  /** Path of its executable. */
  readonly program: string;
}

/** Finds the program that serves an interface, as serversOf does. */
export function serverOf(name: string): Server | undefined {
  return serversOf([name]).get(name);
}

/**
 * Finds the processes that hold the interfaces' listening UAPI sockets, with one pass over proc(5). Processes
 * that this user may not inspect are missing. The kernel answers, so stopped processes are found, too.
 */
export function serversOf(names: readonly string[]): ReadonlyMap<string, Server> {
  const servers = new Map<string, Server>();
  const sockets = socketsOf(names);
  if (sockets.size === 0) return servers;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    for (const link of heldBy(pid)) {
      const name = sockets.get(link);
      const program = name === undefined ? undefined : programOf(pid);
      if (name === undefined || program === undefined || servers.has(name)) continue;
      servers.set(name, { pid: Number(pid), program });
    }
  }
  return servers;
}

/** Tells which backend of wg-bridge a program is: Node.js itself, or the executable that it starts. */
export function backendOf(program: string): "ffi" | "exec" | "other" {
  const name = basename(program).replace(/ \(deleted\)$/, "");
  if (name === "node") return "ffi";
  return name === "wireguard-go" ? "exec" : "other";
}

/** Maps the links that listening sockets have in /proc/PID/fd to the names of their interfaces. */
function socketsOf(names: readonly string[]): ReadonlyMap<string, string> {
  const paths = new Map(
    names.flatMap((name) => {
      const path = socketPath(name);
      return [path, path.replace(/^\/var\/run\//, "/run/")].map((one) => [one, name] as const);
    }),
  );
  const sockets = new Map<string, string>();
  // The line of a listening socket has flags 00010000, its inode and its path.
  for (const line of readFileSync("/proc/net/unix", "utf8").split("\n")) {
    const [, , , flags, , , inode, bound = ""] = line.trim().split(/\s+/);
    const name = paths.get(bound);
    if (flags === "00010000" && name !== undefined) sockets.set(`socket:[${inode}]`, name);
  }
  return sockets;
}

function heldBy(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`) ?? []);
  } catch {
    return []; // the process has ended, or belongs to another user
  }
}

function programOf(pid: string): string | undefined {
  return linkOf(`/proc/${pid}/exe`);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // as above
  }
}
