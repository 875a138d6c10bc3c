import { endianness } from "node:os";
import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { type ElfFault, type ElfFile, readElf } from "./elf.js";
import type { EngineFile } from "./files.js";
import { missingError } from "./missing.js";
import { requireOwnRelease } from "./release.js";
import { replacementRemedy } from "./remedy.js";

/**
 * Checks that a file is an intact library for this machine.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_*, WG_BRIDGE_ENGINE_MISSING, WG_BRIDGE_ENGINE_VERSION
 */
export function checkLibrary(file: EngineFile): void {
  requireOwnRelease(file);
  checkHeader(file, readLibrary(file));
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
