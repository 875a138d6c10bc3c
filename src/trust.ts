import { lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { posix } from "node:path";
import { packageRoot } from "./artifacts.js";
import type { EngineFile } from "./engine/files.js";
import { systemCodeOf, WgBridgeError } from "./errors.js";

/** Where wg(8) and every userspace WireGuard have their UAPI sockets. */
export const socketDirectory = "/var/run/wireguard";

/** How many symbolic links the kernel follows in one path. Source: path_resolution(7). */
const maxLinks = 40;

const writableByOthers = 0o022;
const stickyBit = 0o1000;

/** Why another user could put something else where a path leads. */
export interface Distrust {
  /** Where on the way. */
  readonly path: string;
  readonly why: string;
  /** What to run or do about it. */
  readonly remedy: string;
}

/**
 * Finds out whether users other than root and this process's own could change what an absolute path leads to.
 * Undefined: they cannot; or the path does not exist, and they could not create it. A trusted path stays trusted
 * without a lock: the walk starts at the root directory, and at each step only trusted users can replace what it has
 * seen.
 * @param target What the path leads to. "sockets": a directory of root or of this user, into which nobody else can put
 *   anything. "file": a file that nobody else may write; its owner may also be that of the root directory, who often
 *   has no number in a user namespace.
 */
export function distrustOf(
  path: string,
  target: "sockets" | "file",
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
    const isSockets = rest.length === 0 && !isLink && target === "sockets";
    if (!isOwn(found, self) && (isSockets || found.uid !== rootOwner)) {
      return distrust(next, `belongs to user ${found.uid}`, isLink);
    }
    if (isLink) {
      links++;
      const link = readlinkSync(next);
      if (posix.isAbsolute(link)) at = "/";
      rest.unshift(...elements(link));
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

/** Reports whether something belongs to root or to this process's user. */
function isOwn({ uid }: Stats, self = process.geteuid?.() ?? 0): boolean {
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

/**
 * Checks that only root and this process's user can have made the sockets in a directory: whoever
 * serves one is sent private keys.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedDirectory(directory: string): void {
  const found = distrustOf(directory, "sockets");
  if (found === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_UNTRUSTED",
    `${found.path} ${found.why}, so another user could serve ${directory} and be sent private keys. ${found.remedy} as root, and remove sockets that others have left.`,
  );
}

/**
 * Checks who has bound the socket, in a trusted directory. Node.js cannot ask a connection for its
 * SO_PEERCRED; but here only root and this user could change the owner that bind(2) gave the path.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedSocket(directory: string, path: string): void {
  requireTrustedDirectory(directory);
  for (const look of [lstatSync, statSync]) {
    const found = look(path, { throwIfNoEntry: false });
    if (found === undefined || isOwn(found)) continue;
    throw new WgBridgeError(
      "WG_BRIDGE_UNTRUSTED",
      `The UAPI socket ${path} belongs to user ${found.uid}, who is neither root nor this user and would be sent private keys. Stop the program that serves it ("ss -xlp" names it) and remove the socket; give others access to one by group and mode, not by its owner.`,
    );
  }
}

/**
 * As root, refuses a file of the engine that another user could change. Files of this package are not checked: whoever
 * may change those controls this program already. Other users decide for themselves what they run.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrusted(file: EngineFile): void {
  if (file.origin === "named") requireTrustedFile(file.path, file.namedBy);
  if (file.origin === "packaged") requireTrustedPackage(file.path);
}

/**
 * The same for a file that an option or a variable names.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED
 */
export function requireTrustedFile(path: string, namedBy: string): void {
  if (process.geteuid?.() !== 0) return;
  const absolute = posix.resolve(path);
  if (absolute.startsWith(`${packageRoot}/`)) return;
  const found = distrustOf(absolute, "file");
  if (found === undefined) return;
  const subject = namedBy.charAt(0).toUpperCase() + namedBy.slice(1);
  throw new WgBridgeError(
    "WG_BRIDGE_UNTRUSTED",
    `${subject} names ${path}, which root does not run: ${reason(found)}. ${found.remedy}, or install the file where only root may write, as with "install -m 755 ${path} /usr/local/lib/".`,
  );
}

/**
 * The same for a file of another package, which Node.js may have found in a node_modules far above this package. If
 * other users can change this package too, the tree is theirs, and root runs it on purpose.
 */
function requireTrustedPackage(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const found = distrustOf(path, "file");
  if (found === undefined || distrustOf(`${packageRoot}/package.json`, "file") !== undefined)
    return;
  throw new WgBridgeError(
    "WG_BRIDGE_UNTRUSTED",
    `Root does not run ${path}, which is not installed beside wg-bridge: ${reason(found)}. ${found.remedy}, or install it there.`,
  );
}

function reason({ path, why }: Distrust): string {
  return `${path} ${why}, so another user could put a program of theirs there`;
}
