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

/** The package that holds the engine for this machine. */
export const enginePackage = `@wg-bridge/linux-${process.arch}`;

/** The two forms of the engine: a library for ffi, and an executable for exec. */
export type EngineKind = "library" | "executable";

/** Files that a caller of openTunnel names. */
export type NamedFiles = { readonly [Kind in EngineKind]?: string | undefined };

/** Where a file of the engine is, or should be, and who says so. */
export type EngineFile = { readonly kind: EngineKind; readonly path: string } & (
  | {
      readonly origin: "named";
      /** "WIREGUARD_GO_EXECUTABLE", "the option executable". */
      readonly namedBy: string;
    }
  /** In this package's build directory. */
  | { readonly origin: "built" }
  /** In enginePackage. */
  | { readonly origin: "packaged"; readonly manifest: string }
);

const variables = {
  library: "WIREGUARD_GO_BRIDGE_LIB_PATH",
  executable: "WIREGUARD_GO_EXECUTABLE",
} as const satisfies Record<EngineKind, string>;

const fileNames = {
  library: "wireguard_go_bridge.so",
  executable: "wireguard-go",
} as const satisfies Record<EngineKind, string>;

/**
 * Finds a file of the engine: the one that the option or the variable names, or the one that was built in this package,
 * or the one in enginePackage. If there is none, the path is where a build would put it.
 */
export function findEngineFile(
  kind: EngineKind,
  env: Environment,
  named: NamedFiles = {},
): EngineFile {
  const option = named[kind];
  if (option !== undefined) {
    return { kind, path: option, origin: "named", namedBy: `the option ${kind}` };
  }
  const variable = variables[kind];
  const value = env[variable];
  if (value) return { kind, path: value, origin: "named", namedBy: variable };
  const built = `${outsideArchive(packageRoot)}/build/${fileNames[kind]}`;
  const packaged = isThere(built) ? undefined : findPackaged(kind);
  return packaged === undefined
    ? { kind, path: built, origin: "built" }
    : {
        kind,
        path: outsideArchive(packaged),
        origin: "packaged",
        manifest: `${dirname(dirname(packaged))}/package.json`,
      };
}

/** The path of the library that findEngineFile finds. */
export function libraryPath(env: Environment, named?: NamedFiles): string {
  return findEngineFile("library", env, named).path;
}

/** The path of the executable. If it has no slash ("boringtun-cli"), it is a command to be found on PATH. */
export function executablePath(env: Environment, named?: NamedFiles): string {
  return findEngineFile("executable", env, named).path;
}

/**
 * Electron packs files into app.asar, from which only JavaScript can be run; its packagers put named files beside it.
 */
function outsideArchive(path: string): string {
  return path.replace("/app.asar/", "/app.asar.unpacked/");
}

function findPackaged(kind: EngineKind): string | undefined {
  try {
    return resolvePackaged(kind);
  } catch {
    return undefined; // if the file turns out to be needed, engineMissing finds out why
  }
}

/**
 * Resolves a file of enginePackage; undefined if wg-bridge has no such package, or none with a library. Tools that copy
 * what a program uses (@vercel/nft) find whole names only, and only in calls of a `require` made in just this way.
 * @throws what require.resolve throws
 */
export function resolvePackaged(file: EngineKind | "manifest"): string | undefined {
  const module = process.getBuiltinModule("node:module");
  const require = module.createRequire(`${packageRoot}/package.json`);
  switch (`${process.arch} ${file}`) {
    case "x64 executable":
      return require.resolve("@wg-bridge/linux-x64/bin/wireguard-go");
    case "x64 library":
      return require.resolve("@wg-bridge/linux-x64/lib/wireguard_go_bridge.so");
    case "x64 manifest":
      return require.resolve("@wg-bridge/linux-x64/package.json");
    case "arm64 executable":
      return require.resolve("@wg-bridge/linux-arm64/bin/wireguard-go");
    case "arm64 library":
      return require.resolve("@wg-bridge/linux-arm64/lib/wireguard_go_bridge.so");
    case "arm64 manifest":
      return require.resolve("@wg-bridge/linux-arm64/package.json");
    case "arm executable":
      return require.resolve("@wg-bridge/linux-arm/bin/wireguard-go");
    case "arm manifest":
      return require.resolve("@wg-bridge/linux-arm/package.json");
    case "riscv64 executable":
      return require.resolve("@wg-bridge/linux-riscv64/bin/wireguard-go");
    case "riscv64 manifest":
      return require.resolve("@wg-bridge/linux-riscv64/package.json");
    case "ppc64 executable":
      return require.resolve("@wg-bridge/linux-ppc64/bin/wireguard-go");
    case "ppc64 manifest":
      return require.resolve("@wg-bridge/linux-ppc64/package.json");
    case "s390x executable":
      return require.resolve("@wg-bridge/linux-s390x/bin/wireguard-go");
    case "s390x manifest":
      return require.resolve("@wg-bridge/linux-s390x/package.json");
    case "loong64 executable":
      return require.resolve("@wg-bridge/linux-loong64/bin/wireguard-go");
    case "loong64 manifest":
      return require.resolve("@wg-bridge/linux-loong64/package.json");
    default:
      return undefined;
  }
}

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
