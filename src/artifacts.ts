import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of this package, and whether a bundler has put its code into another file. */
interface PackageRoot {
  readonly path: string;
  readonly bundled: boolean;
}

const installed = "node_modules/wg-bridge";

/**
 * Finds the package of a module in `file`. Unless a bundler has moved it, that is three directories up. A bundle
 * uses the package in the nearest node_modules above it, or else its own directory. `main` is the program's file:
 * webpack records where the module was when the bundle was made, and another machine does not have that path.
 */
export function findPackageRoot(file: string | undefined, main: string): PackageRoot {
  const there = file !== undefined && existsSync(file);
  if (there && file.endsWith("/dist/src/artifacts.js")) {
    return { path: dirname(dirname(dirname(file))), bundled: false };
  }
  const bundle = dirname(there ? file : main);
  for (let above = bundle; ; above = dirname(above)) {
    const path = `${above === "/" ? "" : above}/${installed}`;
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

const found = findPackageRoot(ownFile(), process.argv[1] ?? process.execPath);

/** The directory of wg-bridge's package.json. */
export const packageRoot = found.path;

export const { bundled } = found;

/** What to do if a file of the package is missing because a bundler has left it behind. */
export const bundleRemedy = bundled
  ? `A bundler has moved wg-bridge without its other files: mark wg-bridge external there (esbuild --external:wg-bridge), or copy its build directory into ${packageRoot}; see docs/bundlers.md of wg-bridge.`
  : undefined;

/**
 * Requires a package that this one depends on: requiring some is several milliseconds faster than importing them.
 * webpack would replace an imported createRequire.
 */
export function requireDependency<T>(name: string): T {
  return process.getBuiltinModule("node:module").createRequire(`${packageRoot}/package.json`)(name);
}

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the library and the executable are. Electron packs files into app.asar, which only JavaScript can read;
 * its packagers put named files beside it.
 */
const programs = `${packageRoot.replace("/app.asar/", "/app.asar.unpacked/")}/build`;

/** Builds library and executable from anywhere, in a checkout and in an installed package. */
export const buildCommand = `npm run build --prefix ${packageRoot}`;

/** The library: WIREGUARD_GO_BRIDGE_LIB_PATH, or the one that `npm run build` makes. */
export function libraryPath(env: Environment): string {
  return env.WIREGUARD_GO_BRIDGE_LIB_PATH || `${programs}/wireguard_go_bridge.so`;
}

/**
 * The executable: WIREGUARD_GO_EXECUTABLE, or the one that `npm run build` makes. A value without a
 * slash ("boringtun-cli") is a command to be found on PATH.
 */
export function executablePath(env: Environment): string {
  return env.WIREGUARD_GO_EXECUTABLE || `${programs}/wireguard-go`;
}

/** Upstream's own wireguard-go, built from the pinned module: a peer to compare with. */
export const upstreamExecutablePath = `${packageRoot}/build/upstream/wireguard-go`;

/** Runs a command in namespaces of its own. */
export const sandboxScript = `${packageRoot}/scripts/sandbox`;

/** Reports whether `path` is a regular file that this user may execute. */
export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
