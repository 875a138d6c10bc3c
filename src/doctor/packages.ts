import { readFile } from "node:fs/promises";
import { type Environment, packageRoot } from "../artifacts.js";
import { findProgram } from "./tools.js";

/** The package managers that the table of packages knows. */
export const packageManagers = ["apt", "dnf", "apk", "pacman"] as const;

export type PackageManager = (typeof packageManagers)[number];

/** A tool, and the name of its package for each package manager. */
export interface ToolPackage {
  readonly tool: string;
  readonly packages: Readonly<Record<PackageManager, string>>;
}

const installers: Readonly<Record<PackageManager, string>> = {
  apt: "apt-get install --no-install-recommends",
  dnf: "dnf install",
  apk: "apk add",
  pacman: "pacman -S",
};

/** Returns the package manager of this machine. */
export function findPackageManager(env: Environment): PackageManager | undefined {
  return packageManagers.find((name) => findProgram(installers[name].split(" ")[0] ?? "", env));
}

/** Reads scripts/packages. */
export async function readPackages(): Promise<ToolPackage[]> {
  return parsePackages(await readFile(`${packageRoot}/scripts/packages`, "utf8"));
}

/**
 * Parses scripts/packages: one line for each tool, with the names of its package for apt, dnf, apk and
 * pacman. Lines that start with `#` are comments.
 */
export function parsePackages(text: string): ToolPackage[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [tool = "", apt = "", dnf = "", apk = "", pacman = ""] = line.trim().split(/\s+/);
      return { tool, packages: { apt, dnf, apk, pacman } };
    });
}

/** Returns the command that installs a tool here, or one for each package manager if this one is unknown. */
export function installCommands(
  packages: ToolPackage["packages"],
  manager: PackageManager | undefined,
): string[] {
  const managers = manager === undefined ? packageManagers : [manager];
  return managers.map((name) => `${installers[name]} ${packages[name]}`);
}
