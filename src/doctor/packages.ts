/** The package managers that the table of packages knows. */
export const packageManagers = ["apt", "dnf", "apk", "pacman"] as const;

export type PackageManager = (typeof packageManagers)[number];

/** A tool, and the package that gives it in each distribution. */
export interface ToolPackage {
  readonly tool: string;
  readonly packages: Readonly<Record<PackageManager, string>>;
}

/** The program whose presence tells which package manager a machine has. */
export const packageManagerPrograms: Readonly<Record<PackageManager, string>> = {
  apt: "apt-get",
  dnf: "dnf",
  apk: "apk",
  pacman: "pacman",
};

const installCommands: Readonly<Record<PackageManager, string>> = {
  apt: "apt-get install --no-install-recommends",
  dnf: "dnf install",
  apk: "apk add",
  pacman: "pacman -S",
};

/**
 * Reads scripts/packages: a line a tool, with the names of its package for apt, dnf, apk and pacman.
 * Lines that start with `#` are comments.
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

/** The command that installs a tool: this machine's, or each where its package manager is unknown. */
export function installCures(
  packages: ToolPackage["packages"],
  manager: PackageManager | undefined,
): string[] {
  const managers = manager === undefined ? packageManagers : [manager];
  return managers.map((name) => `${installCommands[name]} ${packages[name]}`);
}
