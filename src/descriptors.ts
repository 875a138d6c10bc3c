import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { systemCodeOf, WgBridgeError } from "./errors.js";

/**
 * How many descriptors an import may hold open at once: Node.js reads the modules that a module imports side
 * by side.
 */
const importDescriptors = 16;

/** What has run out and what to do, by the code of the system call that failed. */
const remedies: Readonly<Record<string, string>> = {
  EMFILE:
    'this process may not open more file descriptors. Raise its limit ("ulimit -n", or LimitNOFILE of a systemd unit), or close what it does not need.',
  ENFILE: "the machine has no file descriptor left. Raise fs.file-max, or end what holds them.",
  EAGAIN:
    'this user may not start more processes or threads. Raise the limit ("ulimit -u", or TasksMax of a systemd unit), or end some.',
  ENOMEM: "the kernel has no memory left for it. End what is not needed.",
};

/** What to do about an errno that says that something has run out, as a sentence. */
export function shortageRemedy(errno: number | undefined): string | undefined {
  const remedy = !errno ? undefined : remedies[getSystemErrorName(-errno)];
  return remedy && remedy.charAt(0).toUpperCase() + remedy.slice(1);
}

/**
 * The error for a system call that failed because something has run out: descriptors, processes, or memory.
 * Undefined for any other failure. `what` begins the sentence: "Opening the tunnel wg0".
 */
export function shortageError(what: string, cause: unknown): WgBridgeError | undefined {
  const code = systemCodeOf(cause) ?? "";
  const remedy = remedies[code];
  if (remedy === undefined) return undefined;
  return new WgBridgeError("WG_BRIDGE_RESOURCES", `${what} failed (${code}): ${remedy}`, { cause });
}

/** Does `work`. @throws WgBridgeError WG_BRIDGE_RESOURCES in place of a system error that means it */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw shortageError(what, error) ?? error;
  }
}

/**
 * Checks that this process can open so many descriptors, before something that cannot be undone without them.
 * Another thread may take them in between, which is rare enough.
 * @throws WgBridgeError WG_BRIDGE_RESOURCES
 */
export function requireDescriptors(count: number, what: string): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync("/dev/null", "r"));
  } catch (error) {
    const shortage = shortageError(what, error);
    if (shortage !== undefined) throw shortage;
    // There may be no /dev/null, or Node.js's permission model hides it: then nothing is known.
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/**
 * Imports a module at its first use, after checking that there are enough descriptors for it and its imports: Node.js
 * remembers a failed import for good, and would never find the module again.
 */
export function lazily<T extends object>(load: () => Promise<T>): () => Promise<T> {
  let loaded: T | undefined;
  return async () => {
    if (loaded === undefined) {
      requireDescriptors(importDescriptors, "Loading a part of wg-bridge");
      loaded = await load();
    }
    return loaded;
  };
}
