import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { packageRoot } from "../../src/artifacts.js";

const tree = `${packageRoot}/build/clients`;

/** The end of the title of a test that needs a package of test/clients/pinned. */
export function missingPackage(name: string): string {
  if (existsSync(`${tree}/node_modules/${name}/package.json`)) return "";
  return ` [skipped: the package ${name} is not installed: run scripts/clients]`;
}

/** Loads a package of test/clients/pinned. */
export function loadPackage(name: string): unknown {
  return createRequire(`${tree}/package.json`)(name);
}
