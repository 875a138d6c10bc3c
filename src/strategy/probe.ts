import { readFileSync } from "node:fs";
import { endianness } from "node:os";
import { type Environment, isExecutableFile, version } from "../artifacts.js";
import { lazily } from "../descriptors.js";
import { readElf } from "../engine/elf.js";
import {
  type EngineFile,
  type EngineRequest,
  executableKind,
  findEngineFile,
} from "../engine/files.js";
import { requireLibraryRuntime } from "../engine/runtime.js";
import { WgBridgeError } from "../errors.js";
import { requireTrusted } from "../trust.js";

// Almost always the files can be used. What says why not is loaded only then.
const library = lazily(() => import("../engine/library.js"));
const executable = lazily(() => import("../engine/executable.js"));

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
export async function probe(env: Environment, wanted: EngineRequest = {}): Promise<Probe> {
  return {
    library: await probeLibrary(env, wanted),
    executable: await probeExecutable(env, wanted),
  };
}

/** Examines the library's header. Only loading it shows whether it can be loaded, and its ABI. */
export async function probeLibrary(
  env: Environment,
  wanted: EngineRequest = {},
): Promise<Artifact> {
  const found = findEngineFile("library", env, wanted);
  // The dynamic loader searches directories of its own for a bare name.
  const path = found.path.includes("/") ? found.path : `./${found.path}`;
  const file = { ...found, path };
  return artifact(path, async () => {
    requireLibraryRuntime();
    requireTrusted(file);
    if (!isSound(file)) (await library()).checkLibrary(file);
  });
}

/** Examines the executable for the wanted network, without starting it. */
export async function probeExecutable(
  env: Environment,
  wanted: EngineRequest = {},
): Promise<Artifact> {
  const found = findEngineFile(executableKind(wanted), env, wanted);
  const onPath = found.path.includes("/") ? undefined : searchPath(found.path, env.PATH ?? "");
  const path = onPath ?? found.path;
  const file = { ...found, path };
  return artifact(path, async () => {
    requireTrusted(file);
    if (!isSound(file)) (await executable()).checkExecutable(file);
  });
}

async function artifact(path: string, check: () => Promise<void>): Promise<Artifact> {
  try {
    await check();
    return { path };
  } catch (error) {
    if (error instanceof WgBridgeError) return { path, problem: error };
    throw error;
  }
}

function searchPath(command: string, searched: string): string | undefined {
  return searched
    .split(":")
    .map((directory) => `${directory || "."}/${command}`)
    .find(isExecutableFile);
}

/** Reports whether a file is what wg-bridge's own should be. Another, such as a script, may be usable all the same. */
function isSound(file: EngineFile): boolean {
  try {
    if (file.origin === "packaged" && versionIn(file.manifest) !== version) return false;
    const elf = readElf(file.path);
    if (typeof elf !== "object") return false;
    if (elf.architecture !== process.arch || elf.endianness !== endianness()) return false;
    return file.kind === "library" ? elf.shared : isExecutableFile(file.path);
  } catch {
    return false;
  }
}

function versionIn(manifest: string): unknown {
  const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(manifest, "utf8"));
  return version;
}
