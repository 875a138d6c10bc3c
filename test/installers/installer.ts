import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { newerNode, pinnedVersion, tool, toolsMark } from "./tools.js";

/** A package manager, and how it is used. */
export interface Installer {
  /** With its version. */
  readonly name: string;
  /** Why it cannot run here, to be appended to the title of a suite; empty if it can. */
  readonly mark: string;
  /** The directory of the Node.js that it runs on. */
  readonly node: string;
  readonly command: readonly string[];
  /** What a project needs besides package.json and .npmrc. */
  readonly files?: (registry: string) => Readonly<Record<string, string>>;
  /** Adds wg-bridge to a project. */
  readonly add: readonly string[];
  /** Installs what the lock file says. */
  readonly again: readonly string[];
  /** Runs Node.js on what was installed, if `node` alone does not. */
  readonly runNode?: readonly string[];
  /** Whether it downloads the packages of all machines, and unpacks one. */
  readonly downloadsAll?: boolean;
}

const ownNode = dirname(process.execPath);
const pinned = { mark: toolsMark, node: ownNode };

/** npm, as it came with this Node.js. */
export const npm: Installer = {
  name: `npm ${execFileSync("npm", ["--version"], { encoding: "utf8" }).trim()}`,
  mark: "",
  node: ownNode,
  command: ["npm"],
  add: ["install", "wg-bridge"],
  again: ["ci"],
};

export const newerNpm: Installer = {
  ...npm,
  name: `npm ${pinnedVersion("npm")}`,
  mark: toolsMark,
  node: newerNode,
  command: ["node", tool("npm/bin/npm-cli.js")],
};

export const pnpm: Installer = {
  ...pinned,
  name: `pnpm ${pinnedVersion("pnpm")}`,
  command: [tool(`@pnpm/exe.linux-${process.arch}/pnpm`)],
  add: ["add", "wg-bridge"],
  again: ["install", "--frozen-lockfile"],
};

export const yarn1: Installer = {
  ...pinned,
  name: `Yarn ${pinnedVersion("yarn")}`,
  command: ["node", tool("yarn/bin/yarn.js")],
  add: ["add", "wg-bridge"],
  again: ["install", "--frozen-lockfile"],
  downloadsAll: true,
};

const yarn4 = ["node", tool("@yarnpkg/cli-dist/bin/yarn.js")];

export const yarnModules: Installer = {
  ...pinned,
  name: `Yarn ${pinnedVersion("@yarnpkg/cli-dist")} with node_modules`,
  command: yarn4,
  files: (registry) => yarnFiles(registry, "node-modules"),
  add: ["add", "wg-bridge"],
  again: ["install", "--immutable"],
};

export const yarnPnp: Installer = {
  ...yarnModules,
  name: `Yarn ${pinnedVersion("@yarnpkg/cli-dist")} with Plug'n'Play`,
  files: (registry) => yarnFiles(registry, "pnp"),
  runNode: [...yarn4, "node"],
};

export const bun: Installer = {
  ...pinned,
  name: `bun ${pinnedVersion("bun")}`,
  command: [tool(`@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : process.arch}/bin/bun`)],
  add: ["add", "wg-bridge"],
  again: ["install", "--frozen-lockfile"],
};

export const deno: Installer = {
  ...pinned,
  name: `Deno ${pinnedVersion("deno")}`,
  command: [tool(`@deno/linux-${process.arch}-glibc/deno`)],
  add: ["add", "npm:wg-bridge"],
  again: ["install", "--frozen"],
};

function yarnFiles(registry: string, linker: string): Record<string, string> {
  const settings = [
    `npmRegistryServer: "${registry}"`,
    "unsafeHttpWhitelist: [127.0.0.1]",
    "enableTelemetry: false",
    `nodeLinker: ${linker}`,
  ];
  // A lock file of its own says that the project belongs to none above it.
  return { ".yarnrc.yml": `${settings.join("\n")}\n`, "yarn.lock": "" };
}
