import { dirname } from "node:path";
import { type Environment, isThere, packageRoot } from "../artifacts.js";

/** The package that holds the engine for this machine. */
export const enginePackage = `@wg-bridge/linux-${process.arch}`;

/**
 * The files of the engine: a library for ffi, and for exec an executable for tunnels with an interface, and another one
 * for userspace tunnels.
 */
export type EngineKind = "library" | "executable" | "userspaceExecutable";

/** What a caller of openTunnel says of the files. */
export interface EngineRequest {
  readonly library?: string | undefined;
  /** The executable for tunnels on the network. */
  readonly executable?: string | undefined;
  /** Default "tun". */
  readonly network?: "tun" | "userspace" | undefined;
}

/** The kind of the executable that a request is for. */
export function executableKind({ network }: EngineRequest): EngineKind {
  return network === "userspace" ? "userspaceExecutable" : "executable";
}

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

/** The variables that name other files. */
export const variables = {
  library: "WIREGUARD_GO_BRIDGE_LIB_PATH",
  executable: "WIREGUARD_GO_EXECUTABLE",
  userspaceExecutable: "WIREGUARD_GO_USERSPACE_EXECUTABLE",
} as const satisfies Record<EngineKind, string>;

const fileNames = {
  library: "wireguard_go_bridge.so",
  executable: "wireguard-go",
  userspaceExecutable: "wireguard-go-userspace",
} as const satisfies Record<EngineKind, string>;

/** What messages call each file. */
export const nouns = {
  library: "library",
  executable: "executable",
  userspaceExecutable: "executable for userspace tunnels",
} as const satisfies Record<EngineKind, string>;

const options = {
  library: "library",
  executable: "executable",
  userspaceExecutable: "executable",
} as const satisfies Record<EngineKind, keyof EngineRequest>;

/**
 * Finds a file of the engine: the one that the option or the variable names, or the one that was built in this package,
 * or the one in enginePackage. If there is none, the path is where a build would put it.
 */
export function findEngineFile(
  kind: EngineKind,
  env: Environment,
  named: EngineRequest = {},
): EngineFile {
  const option = options[kind];
  const path = named[option];
  if (path !== undefined) return { kind, path, origin: "named", namedBy: `the option ${option}` };
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
export function libraryPath(env: Environment, named?: EngineRequest): string {
  return findEngineFile("library", env, named).path;
}

/** The path of the executable. If it has no slash ("boringtun-cli"), it is a command to be found on PATH. */
export function executablePath(env: Environment, named?: EngineRequest): string {
  return findEngineFile("executable", env, named).path;
}

/** The path of the executable for userspace tunnels. */
export function userspaceExecutablePath(env: Environment, named?: EngineRequest): string {
  return findEngineFile("userspaceExecutable", env, named).path;
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
    case "x64 userspaceExecutable":
      return require.resolve("@wg-bridge/linux-x64/bin/wireguard-go-userspace");
    case "x64 library":
      return require.resolve("@wg-bridge/linux-x64/lib/wireguard_go_bridge.so");
    case "x64 manifest":
      return require.resolve("@wg-bridge/linux-x64/package.json");
    case "arm64 executable":
      return require.resolve("@wg-bridge/linux-arm64/bin/wireguard-go");
    case "arm64 userspaceExecutable":
      return require.resolve("@wg-bridge/linux-arm64/bin/wireguard-go-userspace");
    case "arm64 library":
      return require.resolve("@wg-bridge/linux-arm64/lib/wireguard_go_bridge.so");
    case "arm64 manifest":
      return require.resolve("@wg-bridge/linux-arm64/package.json");
    case "arm executable":
      return require.resolve("@wg-bridge/linux-arm/bin/wireguard-go");
    case "arm userspaceExecutable":
      return require.resolve("@wg-bridge/linux-arm/bin/wireguard-go-userspace");
    case "arm manifest":
      return require.resolve("@wg-bridge/linux-arm/package.json");
    case "riscv64 executable":
      return require.resolve("@wg-bridge/linux-riscv64/bin/wireguard-go");
    case "riscv64 userspaceExecutable":
      return require.resolve("@wg-bridge/linux-riscv64/bin/wireguard-go-userspace");
    case "riscv64 manifest":
      return require.resolve("@wg-bridge/linux-riscv64/package.json");
    case "ppc64 executable":
      return require.resolve("@wg-bridge/linux-ppc64/bin/wireguard-go");
    case "ppc64 userspaceExecutable":
      return require.resolve("@wg-bridge/linux-ppc64/bin/wireguard-go-userspace");
    case "ppc64 manifest":
      return require.resolve("@wg-bridge/linux-ppc64/package.json");
    case "s390x executable":
      return require.resolve("@wg-bridge/linux-s390x/bin/wireguard-go");
    case "s390x userspaceExecutable":
      return require.resolve("@wg-bridge/linux-s390x/bin/wireguard-go-userspace");
    case "s390x manifest":
      return require.resolve("@wg-bridge/linux-s390x/package.json");
    case "loong64 executable":
      return require.resolve("@wg-bridge/linux-loong64/bin/wireguard-go");
    case "loong64 userspaceExecutable":
      return require.resolve("@wg-bridge/linux-loong64/bin/wireguard-go-userspace");
    case "loong64 manifest":
      return require.resolve("@wg-bridge/linux-loong64/package.json");
    default:
      return undefined;
  }
}
