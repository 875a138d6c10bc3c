import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the files of this package are that are not JavaScript, and whether that had to be guessed. */
interface PackageRoot {
  readonly path: string;
  /** A bundler has put this module into another file. */
  readonly bundled: boolean;
}

const installed = "node_modules/wg-bridge";

/**
 * Finds the package of a module in `file`. Unless a bundler has moved it, that is three directories up.
 * A bundle takes the package from the nearest node_modules above it, or its own directory for want of
 * one. `main` is the program's file: webpack writes down where the module was when the bundle was made,
 * which another machine does not have.
 */
export function findPackageRoot(file: string | undefined, main: string): PackageRoot {
  const there = file !== undefined && existsSync(file);
  if (there && file.endsWith("/dist/src/package-root.js")) {
    return { path: dirname(dirname(dirname(file))), bundled: false };
  }
  const bundle = dirname(there ? file : main);
  for (let above = bundle; ; above = dirname(above)) {
    const path = `${above === "/" ? "" : above}/${installed}`;
    if (existsSync(`${path}/package.json`)) return { path, bundled: true };
    if (above === dirname(above)) return { path: bundle, bundled: true };
  }
}

/** This module's file. A bundle of CommonJS has no import.meta.url, and __filename in place of it. */
function ownFile(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith("file:")) return fileURLToPath(url);
  return typeof __filename === "string" ? __filename : undefined;
}

const found = findPackageRoot(ownFile(), process.argv[1] ?? process.execPath);

/** The directory of wg-bridge's package.json. */
export const packageRoot = found.path;

/** A bundler has moved this package's code. */
export const { bundled } = found;

/** What to do if a file of the package is missing because a bundler has left it behind. */
export const bundleRemedy = bundled
  ? `A bundler has moved wg-bridge without its other files: mark wg-bridge external there (esbuild --external:wg-bridge), or copy its build directory into ${packageRoot}; see docs/bundlers.md of wg-bridge.`
  : undefined;

/**
 * Requires a package that this one depends on: some are several milliseconds faster to require than to
 * import. An imported createRequire would be webpack's to replace.
 */
export function requireDependency<T>(name: string): T {
  return process.getBuiltinModule("node:module").createRequire(`${packageRoot}/package.json`)(name);
}
