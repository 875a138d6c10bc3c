import { runInThisContext } from "node:vm";
import type { LibraryHandle } from "koffi";

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

/** What any copy of this package has loaded into this process. */
export function loadedLibrary(): LoadedLibrary | undefined {
  return Reflect.get(processGlobal(), key);
}

/** Makes the library known to all copies, for good: it cannot be unloaded. */
export function rememberLoaded(loaded: LoadedLibrary): LoadedLibrary {
  Object.defineProperty(processGlobal(), key, { value: loaded });
  return loaded;
}
