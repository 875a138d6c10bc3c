import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { endianness } from "node:os";
import {
  buildCommand,
  bundleRemedy,
  type Environment,
  executablePath,
  isExecutableFile,
  libraryPath,
} from "../artifacts.js";
import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { requireTrustedFile } from "../trust.js";
import { type ElfFault, type ElfFile, elfHeadBytes, parseElf } from "./elf.js";

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

const rebuild =
  bundleRemedy ??
  `Build it anew with "${buildCommand}", or name another with WIREGUARD_GO_BRIDGE_LIB_PATH.`;

/** Examines the library and the executable that the environment names. */
export function probe(env: Environment): Probe {
  return { library: probeNamedLibrary(env), executable: probeExecutable(env) };
}

function probeNamedLibrary(env: Environment): Artifact {
  const named = libraryPath(env);
  // The dynamic loader searches directories of its own for a bare name.
  const path = named.includes("/") ? named : `./${named}`;
  const trusted = artifact(path, () => requireTrustedFile(path, "WIREGUARD_GO_BRIDGE_LIB_PATH"));
  return trusted.problem === undefined ? probeLibrary(path) : trusted;
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

/** Examines a library's header. Only loading it shows whether it can be loaded, and its ABI. */
export function probeLibrary(path: string): Artifact {
  return artifact(path, () => {
    if (isMusl()) {
      throw new WgBridgeError(
        "WG_BRIDGE_LIBRARY_MUSL",
        "This Node.js runs on musl, which cannot load a Go library into a running process. Use --backend=exec.",
      );
    }
    checkHeader(path, readElf(path));
  });
}

function readElf(path: string): ElfFile | ElfFault {
  try {
    return headOf(path);
  } catch (error) {
    const shortage = shortageError(`Looking at the library ${path}`, error);
    if (shortage !== undefined) throw shortage;
    throw systemCodeOf(error) === "ENOENT"
      ? libraryError("MISSING", `There is no library ${path}`, { cause: error })
      : libraryError("LOAD", `The library ${path} cannot be read (${messageOf(error)})`, {
          cause: error,
        });
  }
}

function headOf(path: string): ElfFile | ElfFault {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(elfHeadBytes);
    const bytes = readSync(fd, head, 0, elfHeadBytes, 0);
    return parseElf(head.subarray(0, bytes), fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

function checkHeader(path: string, elf: ElfFile | ElfFault): void {
  const library = `The library ${path} is`;
  switch (elf) {
    case "empty":
      throw libraryError("EMPTY", `${library} empty: its build was interrupted`);
    case "truncated":
      throw libraryError(
        "TRUNCATED",
        `${library} truncated: parts that its header names are missing`,
      );
    case "not-elf":
      throw libraryError("NOT_ELF", `${library} not an ELF file, and cannot be loaded`);
  }
  const { architecture, shared } = elf;
  if (architecture !== process.arch || elf.endianness !== endianness()) {
    const fact = `${library} built for ${architecture}, and this Node.js for ${process.arch}`;
    throw libraryError("ARCHITECTURE", fact);
  }
  if (!shared) throw libraryError("LOAD", `${library} an executable, not a shared library`);
}

function libraryError(
  problem: "MISSING" | "LOAD" | "EMPTY" | "TRUNCATED" | "NOT_ELF" | "ARCHITECTURE",
  fact: string,
  options?: ErrorOptions,
): WgBridgeError {
  return new WgBridgeError(`WG_BRIDGE_LIBRARY_${problem}`, `${fact}. ${rebuild}`, options);
}

/** Reads the header of node itself: process.report needs tens of milliseconds to name the C library. */
function isMusl(): boolean {
  try {
    const node = headOf(process.execPath);
    return typeof node === "object" && (node.interpreter?.includes("ld-musl") ?? false);
  } catch {
    return false; // Node.js's permission model may hide node itself
  }
}

/** Checks that the executable that the environment names exists and may be executed. */
export function probeExecutable(env: Environment): Artifact {
  const named = executablePath(env);
  const path = named.includes("/") ? named : (searchPath(named, env.PATH ?? "") ?? named);
  return artifact(path, () => {
    requireTrustedFile(path, "WIREGUARD_GO_EXECUTABLE");
    checkExecutable(path);
  });
}

function searchPath(command: string, searched: string): string | undefined {
  return searched
    .split(":")
    .map((directory) => `${directory || "."}/${command}`)
    .find(isExecutableFile);
}

function checkExecutable(path: string): void {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    if (systemCodeOf(error) === "ERR_ACCESS_DENIED") {
      throw new WgBridgeError(
        "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
        `The executable ${path} cannot be examined: ${messageOf(error)}.`,
        { cause: error },
      );
    }
    throw new WgBridgeError(
      "WG_BRIDGE_EXECUTABLE_MISSING",
      `There is no executable ${path} (${messageOf(error)}). ${bundleRemedy ?? `Build it with "${buildCommand}", or name another with WIREGUARD_GO_EXECUTABLE.`}`,
      { cause: error },
    );
  }
  if (!isExecutableFile(path)) {
    const remedy = stats.isFile() ? `Run "chmod +x ${path}"` : "It is not a regular file";
    throw new WgBridgeError(
      "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
      `The executable ${path} may not be executed. ${remedy}, or name another with WIREGUARD_GO_EXECUTABLE.`,
    );
  }
}
