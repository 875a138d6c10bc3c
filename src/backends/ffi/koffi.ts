import { resolve } from "node:path";
import type { LibraryHandle } from "koffi";
import { bundled, packageRoot } from "../../artifacts.js";
import { resolvePackaged } from "../../engine/files.js";
import { noexecRemedy } from "../../engine/noexec.js";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { distrustOf } from "../../trust.js";

/** The release of Koffi that this package is tested with. The packages @wg-bridge/linux-* depend on exactly that one. */
export const koffiVersion = "3.3.4";

/**
 * What is used of Koffi's native module, a Node-API addon that calls C functions. The package koffi would only add
 * functions that are deprecated, and an installation script, 9 MB of sources and 20 packages.
 */
export interface Koffi {
  readonly version: string;
  load(path: string): LibraryHandle;
}

/** Koffi's package for this processor. */
const koffiPackage = `@koromix/koffi-linux-${process.arch}`;

/**
 * Loads Koffi: the one of the package that has the engine for this machine, or the one that this package can require,
 * or the one that the library at `libraryPath` could.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_KOFFI
 */
export function loadKoffi(libraryPath: string): Koffi {
  const path = findKoffi(resolve(libraryPath));
  const koffi = requireAddon(path);
  if (major(koffi.version) === major(koffiVersion)) return koffi;
  throw koffiError(
    `${path} is Koffi ${koffi.version}, and wg-bridge needs ${koffiVersion}`,
    installRemedy(),
  );
}

function requireAddon(path: string): Koffi {
  try {
    return requireFrom(path)(path);
  } catch (error) {
    const remedy =
      noexecRemedy(path, "install the package on another one") ??
      (systemCodeOf(error) === "ERR_DLOPEN_DISABLED" ? addonsRemedy : "Use --backend=exec.");
    throw koffiError(loadReason(error), remedy, error);
  }
}

const addonsRemedy =
  "Start node without --no-addons, and with --allow-addons if with --permission, or use --backend=exec.";

function major(version: string): string | undefined {
  return version.split(".", 1)[0];
}

/** Finds the addon. @throws WgBridgeError WG_BRIDGE_LIBRARY_KOFFI if it is missing, or may be another user's */
function findKoffi(libraryPath: string): string {
  // The package with the engine depends on Koffi, this one does not; but a checkout has it for itself.
  const engine = ifInstalled(() => resolvePackaged("manifest"));
  const own = resolveFrom(engine) ?? resolveFrom(`${packageRoot}/package.json`);
  if (own !== undefined) {
    // If others can change this package as well, the tree is theirs, and root runs it on purpose.
    if (distrustOf(`${packageRoot}/package.json`, "file") === undefined) requireTrusted(own);
    return own;
  }
  const beside = resolveFrom(libraryPath);
  if (beside === undefined) {
    throw koffiError(`the package ${koffiPackage} is not installed`, installRemedy());
  }
  requireTrusted(beside);
  return beside;
}

/**
 * Finds the addon as a module at `file` would. Its path, and not the package's main module: that would try the one for
 * musl as well, and then report why that one fails. Tools that copy what a program uses find whole names only.
 */
function resolveFrom(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const module = process.getBuiltinModule("node:module"); // @vercel/nft knows a require that is made in just this way
  const require = module.createRequire(file);
  return ifInstalled(() => {
    switch (process.arch) {
      case "x64":
        return require.resolve("@koromix/koffi-linux-x64/linux_x64/koffi.node");
      case "arm64":
        return require.resolve("@koromix/koffi-linux-arm64/linux_arm64/koffi.node");
      default: // a library of this machine that was named, or built in a checkout
        return require.resolve(
          `${koffiPackage}/linux_${abis[process.arch] ?? process.arch}/koffi.node`,
        );
    }
  });
}

/** How Koffi names the calling conventions that are not named as the processor. */
const abis: Readonly<Record<string, string>> = {
  arm: "armhf",
  ppc64: "ppc64le",
  riscv64: "riscv64d",
};

// webpack would replace an imported createRequire.
function requireFrom(file: string): NodeJS.Require {
  return process.getBuiltinModule("node:module").createRequire(file);
}

function ifInstalled(find: () => string | undefined): string | undefined {
  try {
    return find();
  } catch (error) {
    if (systemCodeOf(error) === "MODULE_NOT_FOUND") return undefined;
    throw koffiError(loadReason(error), "Use --backend=exec.", error);
  }
}

/**
 * As root, refuses an addon that another user could change: it is code, and Node.js looks for it in the node_modules of
 * every directory above.
 */
function requireTrusted(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const found = distrustOf(path, "file");
  if (found === undefined) return;
  throw koffiError(
    `root does not run ${path}, because ${found.path} ${found.why}, so another user could put a program of theirs there`,
    `${found.remedy}, or use --backend=exec.`,
  );
}

function loadReason(error: unknown): string {
  const message = messageOf(error).split("\n", 1)[0]?.replace(/[.?]$/, "") ?? "";
  const wanted = /version `((?:GLIBC|GLIBCXX)_[\d.]+)' not found/.exec(message)?.[1];
  return wanted === undefined
    ? message
    : `it needs ${wanted}, and the C or C++ library of this system is older (${message})`;
}

function installRemedy(): string {
  const named = `npm install ${koffiPackage}@${koffiVersion}`;
  if (bundled) {
    return `A bundler has left it behind: mark wg-bridge external there, or run "${named}" in ${packageRoot}, or use --backend=exec.`;
  }
  return process.arch === "x64" || process.arch === "arm64"
    ? "Install it with the optional packages (npm install --include=optional), or use --backend=exec."
    : `Run "${named}", or use --backend=exec.`;
}

function koffiError(reason: string, remedy: string, cause?: unknown): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_LIBRARY_KOFFI",
    `Koffi, which calls the Go library, cannot be loaded: ${reason}. ${remedy}`,
    { cause },
  );
}
