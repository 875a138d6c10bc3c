import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { systemCodeOf } from "./errors.js";

/** How many symbolic links the kernel follows in one path. Source: path_resolution(7). */
const maxLinks = 40;

const writableByOthers = 0o022;
const stickyBit = 0o1000;

/** What lets another user put something else where a path leads. */
export interface Distrust {
  /** Where on the way. */
  readonly path: string;
  readonly why: string;
  /** What to run or do about it. */
  readonly remedy: string;
}

/**
 * What the last part of a path must be.
 * - "sockets": a directory of root or of this user, into which nobody else can put anything
 * - "file": a file that nobody else may write. Its owner may also be that of the root directory, who in
 *   a user namespace often has no number there.
 */
export type Trusted = "sockets" | "file";

/**
 * Looks whether users other than root and this process's own could change what an absolute path leads
 * to. Undefined: they cannot; or the path does not exist, and they could not make it appear. What is
 * trusted stays so without a lock: the look goes down from the root directory, and at each step only
 * trusted users can replace what it has seen.
 */
export function distrustOf(
  path: string,
  last: Trusted,
  self = process.geteuid?.() ?? 0,
): Distrust | undefined {
  const rootOwner = lstatSync("/").uid;
  let at = "/";
  const rest = elements(path);
  for (let links = 0; links <= maxLinks; ) {
    const name = rest.shift();
    if (name === undefined) return undefined;
    const next = posix.join(at, name);
    const found = look(next);
    if (found === undefined) return undefined;
    const isLink = found.isSymbolicLink();
    const isSockets = rest.length === 0 && !isLink && last === "sockets";
    if (!isOwn(found, self) && (isSockets || found.uid !== rootOwner)) {
      return distrust(next, `belongs to user ${found.uid}`, isLink);
    }
    if (isLink) {
      links++;
      const target = readlinkSync(next);
      if (posix.isAbsolute(target)) at = "/";
      rest.unshift(...elements(target));
      continue;
    }
    // In a sticky directory others cannot rename what is not theirs, but they can add to it.
    const sticky = (found.mode & stickyBit) !== 0;
    if ((found.mode & writableByOthers) !== 0 && (rest.length === 0 || !sticky)) {
      const mode = (found.mode & 0o7777).toString(8);
      return distrust(next, `may be written by others (mode ${mode})`, false);
    }
    at = next;
  }
  return undefined; // a loop of links leads nowhere
}

/** Whether something belongs to root or to this process's user. */
export function isOwn({ uid }: Stats, self = process.geteuid?.() ?? 0): boolean {
  return uid === 0 || uid === self;
}

function elements(path: string): string[] {
  return path.split("/").filter((element) => element !== "");
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function distrust(path: string, why: string, isLink: boolean): Distrust {
  const remedy = isLink ? "Remove that link" : `Run "chown root ${path} && chmod go-w ${path}"`;
  return { path, why, remedy };
}
