import { existsSync, readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { readManifest } from "./publication.js";

/** Where scripts/installers leaves what the tests need. */
export const toolsDirectory = `${packageRoot}/build/installers`;

function areInstalled(): boolean {
  const [wanted, found] = [`${packageRoot}/test/installers/pinned`, toolsDirectory];
  return (
    existsSync(found) &&
    readFileSync(`${wanted}/package-lock.json`, "utf8") ===
      readFileSync(`${found}/package-lock.json`, "utf8")
  );
}

/** Why the package managers cannot run, to be appended to a title; empty if they can. */
export const toolsMark = areInstalled()
  ? ""
  : " [skipped: the package managers are not installed: run scripts/installers]";

/** The directory of the Node.js that the newest npm needs. */
export const newerNode = `${toolsDirectory}/node`;

/** Returns the path of a file that scripts/installers has installed, below node_modules. */
export function tool(path: string): string {
  return `${toolsDirectory}/node_modules/${path}`;
}

/** Returns the version of a package that test/installers/pinned/package.json pins. */
export function pinnedVersion(name: string): string {
  const { dependencies } = readManifest(`${packageRoot}/test/installers/pinned`);
  return dependencies?.[name] ?? "";
}
