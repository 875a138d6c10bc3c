import { constants } from "node:fs";
import { access, lstat, realpath, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCodeOf } from "../errors.js";
import { socketDirectory } from "../trust.js";

/** Whether a tunnel can make its socket. */
export type SocketDirectoryFacts =
  /** "missing": it can be made. */
  | { readonly state: "usable" | "missing" }
  /** The error code of a system call: EROFS, EACCES, ... */
  | { readonly state: "failed"; readonly code: string };

/** Finds out whether this user can make sockets, or the directory for them. */
export async function examineSocketDirectory(): Promise<SocketDirectoryFacts> {
  try {
    const found = await exists(socketDirectory);
    if (found && !(await stat(socketDirectory)).isDirectory()) {
      return { state: "failed", code: "ENOTDIR" };
    }
    await access(await nearest(socketDirectory), constants.W_OK | constants.X_OK);
    return { state: found ? "usable" : "missing" };
  } catch (error) {
    return { state: "failed", code: systemCodeOf(error) ?? String(error) };
  }
}

/** Removes the directory, unless it is in use. */
export async function removeSocketDirectory(): Promise<void> {
  await rmdir(socketDirectory).catch(() => undefined);
}

/** The path itself, or the nearest directory above it that exists. */
async function nearest(path: string): Promise<string> {
  return (await exists(path)) ? realpath(path) : nearest(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error) => {
      if (systemCodeOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}
