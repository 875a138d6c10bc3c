import { bundled, isThere, packageRoot, version } from "../artifacts.js";
import { shellWord } from "../text/quote.js";
import { type EngineFile, enginePackage } from "./files.js";

/** Reports whether this package is a checkout of its repository, where users build the engine themselves. */
export function isCheckout(): boolean {
  return isThere(`${packageRoot}/scripts/setup`);
}

/** Builds library and executable for this machine, from any directory. */
export const buildCommand = `npm run build --prefix ${shellWord(packageRoot)}`;

/**
 * Reports whether buildCommand works. It does not if this package has no sources, as in a bundle, or is inside an
 * archive: Yarn's PnP reads packages from zip files.
 */
export function canBuild(): boolean {
  return !/\.(zip|asar)\//.test(packageRoot) && isThere(`${packageRoot}/scripts/build`);
}

/** Installs everything again: package managers do not look at the contents of packages that are there. */
export const reinstall = 'Install again, as with "rm -r node_modules && npm install".';

/** What to do if a bundler has taken wg-bridge's code away from its packages. */
export const bundleRemedy = `A bundler has moved wg-bridge without its engine: mark wg-bridge external there (esbuild --external:wg-bridge), or run "npm install ${enginePackage}@${version}" in ${packageRoot}; see docs/bundlers.md of wg-bridge.`;

/** What to do about a file of the engine that is damaged, or made for another machine. */
export function replacementRemedy(file: EngineFile): string {
  if (file.origin === "named") return `Name another with ${file.namedBy}, or leave that out.`;
  if (file.origin === "packaged") return reinstall;
  if (canBuild()) return `Build it anew with "${buildCommand}".`;
  return bundled ? bundleRemedy : reinstall;
}
