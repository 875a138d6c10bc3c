import { runInThisContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import type { LibraryHandle } from "koffi";
import { lazily, requireDescriptors } from "../../descriptors.js";
import { libraryPath } from "../../engine/files.js";
import { noexecRemedy } from "../../engine/noexec.js";
import { buildCommand, canBuild } from "../../engine/remedy.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { loadKoffi } from "./koffi.js";

const semver = lazily(() => import("semver/functions/satisfies.js"));

/** The version of the library's C interface that this package is written for. */
export const abiVersion = "1.4.0";

/** What koffi and the dynamic loader open, and what Go's runtime keeps: it ends the process if it cannot. */
const loadDescriptors = 8;

/**
 * The library that this process has loaded. Every copy of this package, of whatever release, reads and
 * writes it in this shape: a property may be added, none may change.
 */
export interface LoadedLibrary {
  readonly path: string;
  readonly handle: LibraryHandle;
}

const key = Symbol.for("wg-bridge.library");

/** The main context's global object: a vm context, as jest's and vitest's, has another of its own. */
function processGlobal(): object {
  return runInThisContext("globalThis");
}

/**
 * Loads the library at `path` for good, or returns the one that any copy of this package has loaded into this process.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_LOAD, WG_BRIDGE_LIBRARY_KOFFI, WG_BRIDGE_RESOURCES
 */
export function loadLibrary(path: string): LoadedLibrary {
  if (!isMainThread) {
    const reason = "a worker thread cannot have it, because a Go runtime outlives the thread";
    throw loadError(path, reason, "Open the tunnel in the main thread, or use --backend=exec.");
  }
  let loaded: LoadedLibrary | undefined = Reflect.get(processGlobal(), key);
  if (loaded === undefined) {
    requireDescriptors(loadDescriptors, `Loading the library ${path}`);
    loaded = { path, handle: loadHandle(path) };
    Object.defineProperty(processGlobal(), key, { value: loaded });
  }
  if (loaded.path !== path && path !== libraryPath({})) {
    const reason = `this process has loaded ${loaded.path}, and can hold only one Go library`;
    throw loadError(path, reason, "Name that one, or use --backend=exec.");
  }
  return loaded;
}

function loadHandle(path: string): LibraryHandle {
  const { load } = loadKoffi(path);
  try {
    return load(path);
  } catch (error) {
    const remedy = noexecRemedy(path, "put the library on another one") ?? loadRemedy();
    throw loadError(path, messageOf(error), remedy, { cause: error });
  }
}

/** What to do about a library that cannot be used. */
export function loadRemedy(): string {
  return canBuild()
    ? `Use --backend=exec, or build the library on this machine with "${buildCommand}".`
    : "Use --backend=exec.";
}

/** The error for a library that cannot be loaded. */
export function loadError(
  path: string,
  reason: string,
  remedy: string,
  options?: ErrorOptions,
): WgBridgeError {
  const message = `The library ${path} cannot be loaded: ${reason}. ${remedy}`;
  return new WgBridgeError("WG_BRIDGE_LIBRARY_LOAD", message, options);
}

/** What to do about a library of another release. */
function otherRelease(): string {
  const name = "ame another with WIREGUARD_GO_BRIDGE_LIB_PATH or the option library.";
  return canBuild() ? `Build this package's with "${buildCommand}", or n${name}` : `N${name}`;
}

/**
 * Checks that a library's C interface is compatible by semantic versioning: the same major version,
 * and no older.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_ABI
 */
export async function checkAbi(path: string, found: string, remedy?: string): Promise<void> {
  if (found === abiVersion) return;
  const { default: satisfies } = await semver();
  if (satisfies(found, `^${abiVersion}`)) return;
  throw new WgBridgeError(
    "WG_BRIDGE_LIBRARY_ABI",
    `The library ${path} has ABI version ${JSON.stringify(found)}, and this package needs ^${abiVersion}: they are of different releases. ${remedy ?? otherRelease()}`,
  );
}
