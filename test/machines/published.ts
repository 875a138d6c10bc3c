import { readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";

/** Where scripts/platform-packages leaves the packages as npm publishes them. */
export const tarballs = `${packageRoot}/build/packages/tarballs`;

/** The version in package.json. */
export const version: string = JSON.parse(
  readFileSync(`${packageRoot}/package.json`, "utf8"),
).version;

/** The processors that packages are built for, as Node.js names them. */
export const architectures: readonly string[] = platforms().map(({ arch }) => arch);

/** Returns the names of all packages that a release publishes, the main one first. */
export function publishedPackages(): string[] {
  return ["wg-bridge", ...architectures.map((arch) => `@wg-bridge/linux-${arch}`)];
}

/** Returns the path of a package's tarball, which npm names after it. */
export function tarballOf(name: string): string {
  return `${tarballs}/${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
}

function platforms(): readonly { readonly arch: string }[] {
  return JSON.parse(readFileSync(`${packageRoot}/packages/platforms.json`, "utf8"));
}
