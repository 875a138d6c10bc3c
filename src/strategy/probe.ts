import { endianness } from "node:os";
import {
  type EngineFile,
  type Environment,
  findEngineFile,
  isExecutableFile,
  type NamedFiles,
} from "../artifacts.js";
import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { requireTrusted } from "../trust.js";
import { type ElfFault, type ElfFile, readElf } from "./elf.js";
import { checkExecutable } from "./executable.js";
import { missingError } from "./missing.js";
import { requireOwnRelease } from "./release.js";
import { replacementRemedy } from "./remedy.js";
import { requireLibraryRuntime } from "./runtime.js";

/** A file that a backend needs. If it cannot be used, `problem` says why. */
export interface Artifact {
  readonly path: string;
  readonly problem?: WgBridgeError;
}

/** What is known about both backends without loading or starting anything. */
export interface Probe {
  readonly library: Artifact;
  readonly executable: Artifact;
}

/** Examines the library and the executable that the caller or the environment names, or wg-bridge's own. */
export function probe(env: Environment, named: NamedFiles = {}): Probe {
  return { library: probeLibrary(env, named), executable: probeExecutable(env, named) };
}

/** Examines the library's header. Only loading it shows whether it can be loaded, and its ABI. */
export function probeLibrary(env: Environment, named: NamedFiles = {}): Artifact {
  const found = findEngineFile("library", env, named);
  // The dynamic loader searches directories of its own for a bare name.
  const path = found.path.includes("/") ? found.path : `./${found.path}`;
  const file = { ...found, path };
  return artifact(path, () => {
    requireLibraryRuntime();
    requireOwnRelease(file);
    requireTrusted(file);
    checkHeader(file, readLibrary(file));
  });
}

function artifact(path: string, check: () => void): Artifact {
  try {
    check();
    return { path };
  } catch (error) {
    if (error instanceof WgBridgeError) return { path, problem: error };
    throw error;
  }
}

function readLibrary(file: EngineFile): ElfFile | ElfFault {
  const { path } = file;
  try {
    return readElf(path);
  } catch (error) {
    const shortage = shortageError(`Looking at the library ${path}`, error);
    if (shortage !== undefined) throw shortage;
    throw systemCodeOf(error) === "ENOENT"
      ? missingError(file, error)
      : libraryError("LOAD", file, `cannot be read (${messageOf(error)})`, { cause: error });
  }
}

function checkHeader(file: EngineFile, elf: ElfFile | ElfFault): void {
  switch (elf) {
    case "empty":
      throw libraryError("EMPTY", file, "is empty: its build or copy was interrupted");
    case "truncated":
      throw libraryError(
        "TRUNCATED",
        file,
        "is truncated: parts that its header names are missing",
      );
    case "not-elf":
      throw libraryError("NOT_ELF", file, "is not an ELF file, and cannot be loaded");
  }
  const { architecture, shared } = elf;
  if (architecture !== process.arch || elf.endianness !== endianness()) {
    const fact = `is built for ${architecture}, and this Node.js for ${process.arch}`;
    throw libraryError("ARCHITECTURE", file, fact);
  }
  if (!shared) throw libraryError("LOAD", file, "is an executable, not a shared library");
}

function libraryError(
  problem: "LOAD" | "EMPTY" | "TRUNCATED" | "NOT_ELF" | "ARCHITECTURE",
  file: EngineFile,
  fact: string,
  options?: ErrorOptions,
): WgBridgeError {
  return new WgBridgeError(
    `WG_BRIDGE_LIBRARY_${problem}`,
    `The library ${file.path} ${fact}. ${replacementRemedy(file)}`,
    options,
  );
}

/** Examines the executable, without starting it. */
export function probeExecutable(env: Environment, named: NamedFiles = {}): Artifact {
  const found = findEngineFile("executable", env, named);
  const onPath = found.path.includes("/") ? undefined : searchPath(found.path, env.PATH ?? "");
  const path = onPath ?? found.path;
  const file = { ...found, path };
  return artifact(path, () => {
    requireOwnRelease(file);
    requireTrusted(file);
    checkExecutable(file);
  });
}

function searchPath(command: string, searched: string): string | undefined {
  return searched
    .split(":")
    .map((directory) => `${directory || "."}/${command}`)
    .find(isExecutableFile);
}
