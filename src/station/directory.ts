import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { posix } from "node:path";
import type { Environment } from "../artifacts.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { distrustOf } from "../trust.js";

// Each station has a directory of its own, which only its user can enter, in the user's directory for such things or in
// that for temporary files: wg-bridge-NAMESPACE-PID-START-RANDOM. The first three say whose it is.

const prefix = "wg-bridge-";

/** The socket's name in its directory. */
const socketName = "station";

/** The maximum length of a Unix socket's path on Linux in bytes, without the NUL. Source: unix(7). */
const maxPath = 107;

/** Where a station's socket is. Its owner must remove it. */
export class StationDirectory {
  readonly path: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = `${directory}/${socketName}`;
  }

  /**
   * Makes a directory, and removes those of this user's processes that have ended without removing theirs.
   * @param parents the directories in which to try, the best first
   * @throws WgBridgeError WG_BRIDGE_SOCKET_DIRECTORY if it cannot be made
   */
  static make(env: Environment, parents = candidates(env)): StationDirectory {
    const owner = ownerName();
    const problems: string[] = [];
    for (const parent of parents) {
      const problem = problemOf(parent, owner);
      if (problem === undefined) {
        try {
          sweep(parent);
          return new StationDirectory(mkdtempSync(`${parent}/${prefix}${owner}-`));
        } catch (error) {
          problems.push(messageOf(error));
        }
      } else problems.push(problem);
    }
    throw new WgBridgeError(
      "WG_BRIDGE_SOCKET_DIRECTORY",
      `A userspace tunnel needs a directory for its socket, and none can be made: ${problems.join("; ")}. Name one that this user may write and others may not with XDG_RUNTIME_DIR or TMPDIR; in a container mount a tmpfs or an emptyDir at /tmp.`,
    );
  }

  /** Removes the socket, if the engine has not, and its directory. */
  remove(): void {
    removeStation(this.#directory);
  }
}

/** The directories in which one may be made, the best first. */
function candidates({ XDG_RUNTIME_DIR, TMPDIR }: Environment): readonly string[] {
  const named = [XDG_RUNTIME_DIR ?? "", TMPDIR ?? ""].filter(posix.isAbsolute);
  return [...new Set([...named, posix.resolve(tmpdir()), "/tmp"])];
}

/** Why a station may not be made there. */
function problemOf(parent: string, owner: string): string | undefined {
  const path = `${parent}/${prefix}${owner}-XXXXXX/${socketName}`;
  if (Buffer.byteLength(path) > maxPath) return `${parent} is too long for a socket's path`;
  // Of what is not there, distrustOf looks at the way. The name is one that nobody can have made.
  const found = distrustOf(`${parent}/${prefix}${Math.random()}`, "file");
  return found === undefined ? undefined : `${found.path} ${found.why}`;
}

/** Names this process among all that may use the same directory. */
function ownerName(): string {
  return `${pidNamespace()}-${process.pid}-${startOf("self")}`;
}

/** The number of this process's pid namespace: containers may share a directory, and not their processes' numbers. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

/** When a process started, in ticks since the machine started; "gone" if there is none. Source: proc_pid_stat(5). */
function startOf(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name, may contain anything but ends with the last parenthesis.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "gone";
  } catch {
    return "gone";
  }
}

/** Removes what this user's processes of this pid namespace have left, because they were killed. */
function sweep(parent: string): void {
  const namespace = pidNamespace();
  for (const name of readdirSync(parent)) {
    const [, space, pid = "", start] =
      /^wg-bridge-(\d+)-(\d+)-(\d+)-[A-Za-z0-9]{6}$/.exec(name) ?? [];
    if (space !== namespace || startOf(pid) === start) continue;
    const directory = `${parent}/${name}`;
    const found = lstatSync(directory, { throwIfNoEntry: false });
    if (found?.isDirectory() && found.uid === process.geteuid?.()) removeStation(directory);
  }
}

function removeStation(directory: string): void {
  try {
    rmSync(`${directory}/${socketName}`, { force: true });
    rmdirSync(directory);
  } catch {
    // Somebody has removed it, or put something into it: then it stays.
  }
}
