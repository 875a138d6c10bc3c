import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { bundled, isThere, packageRoot } from "../artifacts.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import {
  type EngineFile,
  type EngineKind,
  enginePackage,
  findEngineFile,
  nouns,
  resolvePackaged,
  variables,
} from "./files.js";
import {
  buildCommand,
  bundleRemedy,
  canBuild,
  isCheckout,
  reinstall,
  replacementRemedy,
} from "./remedy.js";

const missing = {
  library: "WG_BRIDGE_LIBRARY_MISSING",
  executable: "WG_BRIDGE_EXECUTABLE_MISSING",
  userspaceExecutable: "WG_BRIDGE_EXECUTABLE_MISSING",
} as const satisfies Record<EngineKind, string>;

const kinds = [
  "executable",
  "userspaceExecutable",
  "library",
] as const satisfies readonly EngineKind[];

/**
 * The error for a file of the engine that is not there. If the whole engine is missing, it is the same for all files:
 * what users do to their node_modules decides what to do about it.
 */
export function missingError(file: EngineFile, cause: unknown): WgBridgeError {
  const { kind, path } = file;
  const lacking = (message: string) => new WgBridgeError(missing[kind], message, { cause });
  if (file.origin === "named") return lacking(namedMissing(kind, path, file.namedBy));
  if (file.origin === "packaged") {
    const isUnpacked = path.includes("/app.asar.unpacked/");
    return lacking(isUnpacked ? notUnpacked(path) : `${path} is no longer there. ${reinstall}`);
  }
  const found = kinds
    .map((other) => findEngineFile(other, {}))
    .find((other) => other.kind !== kind && isThere(other.path));
  if (found !== undefined) return lacking(partMissing(file, found));
  return new WgBridgeError("WG_BRIDGE_ENGINE_MISSING", engineMissing(), { cause });
}

function namedMissing(kind: EngineKind, path: string, namedBy: string): string {
  const where = path.includes("/") ? "" : " on PATH";
  return `There is no ${nouns[kind]} ${path}${where}, which ${namedBy} names. Correct that, or leave it out.`;
}

function notUnpacked(path: string): string {
  return `There is no ${path}, and nothing can be loaded or started from inside an Electron archive. Have the packager unpack "**/@wg-bridge/**" and "**/@koromix/**" (asarUnpack of electron-builder, asar.unpack of Electron Forge); see docs/bundlers.md of wg-bridge.`;
}

/** Another file of the engine is there. */
function partMissing(file: EngineFile, other: EngineFile): string {
  const { kind, path } = file;
  if (other.origin === "built") {
    const remedy = canBuild() ? `Run "${buildCommand}".` : replacementRemedy(file);
    return `There is no ${nouns[kind]} ${path}, although the ${nouns[other.kind]} has been built. ${remedy}`;
  }
  if (kind === "library" && !isPackaged(kind)) {
    return `There is no library for linux-${process.arch}: ${enginePackage} contains only executables. Use --backend=exec.`;
  }
  return `The package ${enginePackage} in ${dirname(dirname(other.path))} is incomplete: it has no ${nouns[kind]}. ${reinstall}`;
}

function engineMissing(): string {
  if (isCheckout()) {
    return `wg-bridge's engine has not been built in ${packageRoot}. Run "${buildCommand}".`;
  }
  if (!isPackaged("executable")) {
    const remedy = canBuild() ? `Run "${buildCommand}", which needs Go, or build` : "Build";
    return `There is no package with wg-bridge's engine for linux-${process.arch}. ${remedy} one elsewhere and name it with ${variables.executable} (for userspace tunnels, ${variables.userspaceExecutable}).`;
  }
  const damage = damageOfPackage();
  if (damage !== undefined) return damage;
  const others = installedPackages();
  if (others.length > 0) {
    const verb = others.length === 1 ? "is" : "are";
    return `${others.join(" and ")} ${verb} installed, and this machine needs ${enginePackage}: node_modules comes from another machine. Run "npm install" on this one, or there "npm install --os=linux --cpu=${process.arch}" (bun has --cpu, pnpm and Yarn have supportedArchitectures).`;
  }
  if (bundled) return bundleRemedy;
  return `${enginePackage}, wg-bridge's engine for this machine, is not installed: optional packages were left out (--omit=optional, --no-optional, --ignore-optional), or the lock file does not list it. Run "npm install --include=optional" (with other package managers, a plain install; with Yarn 1, "yarn install --force").`;
}

/** Reports whether wg-bridge has a package for this kind of machine, with such a file in it, installed or not. */
function isPackaged(kind: EngineKind): boolean {
  try {
    return resolvePackaged(kind) !== undefined;
  } catch {
    return true;
  }
}

/** What is wrong with a package that is there. */
function damageOfPackage(): string | undefined {
  try {
    const manifest = resolvePackaged("manifest") ?? "";
    return `The package ${enginePackage} in ${dirname(manifest)} is incomplete: it has none of the engine's files. ${reinstall}`;
  } catch (error) {
    if (systemCodeOf(error) === "MODULE_NOT_FOUND") return undefined;
    return `The package ${enginePackage} cannot be read (${messageOf(error)}). ${reinstall}`;
  }
}

/** The names of the packages for other machines that are installed where ours should be. */
function installedPackages(): readonly string[] {
  const { createRequire } = process.getBuiltinModule("node:module");
  const searched = createRequire(`${packageRoot}/package.json`).resolve.paths(enginePackage) ?? [];
  const scope = dirname(enginePackage);
  for (const directory of searched) {
    const names = namesIn(`${directory}/${scope}`).map((name) => `${scope}/${name}`);
    const others = names.filter((name) => name.includes("/linux-") && name !== enginePackage);
    if (others.length > 0) return others;
  }
  return [];
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
