import { WgBridgeError } from "../errors.js";
import { readElf } from "./elf.js";

/** What this process runs on. Tests give another. */
export interface Runtime {
  /** The program that runs JavaScript, as in process.execPath. */
  readonly path: string;
  /** As in process.versions. */
  readonly versions: Readonly<Record<string, string | undefined>>;
}

/**
 * Checks that this JavaScript runtime can have a Go library in its process. Only ffi needs that.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_LOAD on Bun, WG_BRIDGE_LIBRARY_MUSL on musl
 */
export function requireLibraryRuntime(
  { path, versions }: Runtime = { path: process.execPath, versions: process.versions },
): void {
  if (versions.bun !== undefined) {
    // Its net.Socket never reads a pipe that it is given by descriptor: close() would wait forever.
    throw new WgBridgeError(
      "WG_BRIDGE_LIBRARY_LOAD",
      `Bun ${versions.bun} cannot read what a Go library in its process reports. Use --backend=exec, or run the program with Node.js.`,
    );
  }
  if (isMusl(path)) {
    throw new WgBridgeError(
      "WG_BRIDGE_LIBRARY_MUSL",
      "This Node.js runs on musl, which cannot load a Go library into a running process. Use --backend=exec.",
    );
  }
}

/** Reads the header of the runtime itself: process.report needs tens of milliseconds to name the C library. */
function isMusl(path: string): boolean {
  try {
    const elf = readElf(path);
    return typeof elf === "object" && (elf.interpreter?.includes("ld-musl") ?? false);
  } catch {
    return false; // Node.js's permission model may hide node itself
  }
}
