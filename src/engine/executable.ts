import { chmodSync, closeSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { endianness, machine } from "node:os";
import { isExecutableFile } from "../artifacts.js";
import { shortageError } from "../descriptors.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { shellWord } from "../text/quote.js";
import { distrustOf } from "../trust.js";
import { readElf } from "./elf.js";
import type { EngineFile } from "./files.js";
import { missingError } from "./missing.js";
import { noexecRemedy } from "./noexec.js";
import { requireOwnRelease } from "./release.js";
import { replacementRemedy } from "./remedy.js";

/**
 * Checks that the kernel can run an executable. If it cannot, libc's execvp(3) has /bin/sh read the file as a script,
 * which for a program of another machine means: run whatever words its bytes make.
 * @throws WgBridgeError WG_BRIDGE_EXECUTABLE_*, WG_BRIDGE_ENGINE_MISSING, WG_BRIDGE_ENGINE_VERSION
 */
export function checkExecutable(file: EngineFile): void {
  requireOwnRelease(file);
  const stats = examine(file);
  if (!stats.isFile()) throw notExecutable(file, "is not a regular file");
  if (!isExecutableFile(file.path) && !makeExecutable(file, stats)) throw forbidden(file, stats);
  checkFormat(file);
}

function notExecutable(file: EngineFile, fact: string, options?: ErrorOptions): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
    `The executable ${file.path} ${fact}. ${replacementRemedy(file)}`,
    options,
  );
}

function examine(file: EngineFile): Stats {
  try {
    return statSync(file.path);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") throw missingError(file, error);
    throw notExecutable(file, `cannot be examined (${messageOf(error)})`, { cause: error });
  }
}

/**
 * Gives wg-bridge's own file back the right to be executed, which copies through other systems lose. Root does so only
 * with a file that nobody else could exchange for another in the meantime.
 */
function makeExecutable({ path, origin }: EngineFile, { mode }: Stats): boolean {
  if (origin === "named") return false;
  if (process.geteuid?.() === 0 && distrustOf(path, "file") !== undefined) return false;
  try {
    chmodSync(path, executableMode(mode));
  } catch {
    return false; // another user's, or on a read-only file system
  }
  return isExecutableFile(path);
}

/** Whoever may read the file may also execute it. */
function executableMode(mode: number): number {
  return (mode & 0o7777) | ((mode & 0o444) >> 2);
}

function forbidden(file: EngineFile, { mode }: Stats): WgBridgeError {
  const { path } = file;
  const another =
    file.origin === "named" ? `name another with ${file.namedBy}` : "install on another one";
  const remedy =
    noexecRemedy(path, another) ??
    `Run "chmod ${executableMode(mode).toString(8)} ${shellWord(path)}" as its owner.`;
  return new WgBridgeError(
    "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
    `The executable ${path} may not be executed. ${remedy}`,
  );
}

function checkFormat(file: EngineFile): void {
  if (isScript(file.path) !== false) return;
  const elf = readElf(file.path);
  switch (elf) {
    case "empty":
      throw notExecutable(file, "is empty");
    case "truncated":
      throw notExecutable(file, "is truncated: parts that its header names are missing");
    case "not-elf":
      throw notExecutable(file, "is neither an ELF file nor a script that begins with #!");
  }
  if (runsHere(elf.architecture) && elf.endianness === endianness()) return;
  const order = elf.endianness === endianness() ? "" : ` (${elf.endianness})`;
  throw new WgBridgeError(
    "WG_BRIDGE_EXECUTABLE_ARCHITECTURE",
    `The executable ${file.path} is built for ${elf.architecture}${order}, and this machine is ${process.arch}. ${replacementRemedy(file)}`,
  );
}

/** Undefined if the file may be executed, and not read: /bin/sh cannot read it then either. */
function isScript(path: string): boolean | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    const shortage = shortageError(`Looking at the executable ${path}`, error);
    if (shortage !== undefined) throw shortage;
    return undefined;
  }
  try {
    const start = Buffer.alloc(2);
    readSync(fd, start, 0, 2, 0);
    return start.toString("latin1") === "#!";
  } finally {
    closeSync(fd);
  }
}

/** The 64-bit kernels, as uname(2) names them, that also run a 32-bit Node.js. */
const wideKernels: Readonly<Record<string, string>> = { x86_64: "x64", aarch64: "arm64" };

/**
 * Reports whether the kernel surely runs programs for an architecture: Node.js' own and the kernel's. Many kernels also
 * run the 32-bit programs of their family, or others by binfmt_misc; but nothing says so without a trial, and a trial
 * that fails ends in /bin/sh. Users who know better name a script that starts the program.
 */
function runsHere(architecture: string): boolean {
  return architecture === process.arch || architecture === wideKernels[machine()];
}
