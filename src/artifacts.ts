import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of this package, and whether a bundler has put its code into another file. */
interface PackageRoot {
  readonly path: string;
  readonly bundled: boolean;
}

const installed = join("node_modules", "wg-bridge");

/**
 * Finds the package of a module in `file`. Unless a bundler has moved it, that is three directories up. A bundle
 * uses the package in the nearest node_modules above it, or else its own directory. `main` is the program's file:
 * webpack records where the module was when the bundle was made, and another machine does not have that path.
 */
export function findPackageRoot(file: string | undefined, main: string): PackageRoot {
  const there = file !== undefined && !isInMemory(file) && existsSync(file);
  if (there && file.endsWith(join("/dist", "src", "artifacts.js"))) {
    return { path: dirname(dirname(dirname(file))), bundled: false };
  }
  const bundle = dirname(there ? file : main);
  for (let above = bundle; ; above = dirname(above)) {
    const path = join(above, installed);
    if (existsSync(`${path}/package.json`)) return { path, bundled: true };
    if (above === dirname(above)) return { path: bundle, bundled: true };
  }
}

/** This module's file. A CommonJS bundle has __filename in place of import.meta.url. */
function ownFile(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith("file:")) return fileURLToPath(url);
  return typeof __filename === "string" ? __filename : undefined;
}

/** Reports whether a file is one that `bun build --compile` has put into an executable. */
function isInMemory(file: string): boolean {
  return file.startsWith("/$bunfs/");
}

/** The program's file. Node.js -e and single executable applications have none of their own. */
function mainFile(): string {
  const main = process.argv[1];
  return main === undefined || isInMemory(main) ? process.execPath : main;
}

const found = findPackageRoot(ownFile(), mainFile());

/** The directory of wg-bridge's package.json. */
export const packageRoot = found.path;

export const { bundled } = found;

/**
 * Requires a package that this one depends on: requiring some is several milliseconds faster than importing them.
 * webpack would replace an imported createRequire.
 */
export function requireDependency<T>(name: string): T {
  return process.getBuiltinModule("node:module").createRequire(`${packageRoot}/package.json`)(name);
}

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** This package's version: a bundle has no package.json to read it from. */
export const version = "0.1.0";

/** Upstream's own wireguard-go, built from the pinned module: a peer to compare with. */
export const upstreamExecutablePath = `${packageRoot}/build/upstream/wireguard-go`;

/** Runs a command in namespaces of its own. */
export const sandboxScript = `${packageRoot}/scripts/sandbox`;

/** Reports whether there is a file, as far as Node.js's permission model lets this process look. */
export function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** Reports whether `path` is a regular file that this user may execute. */
export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
