import { constants } from "node:fs";
import { access, open, readFile, stat } from "node:fs/promises";
import { arch, release } from "node:os";
import { type Environment, packageRoot } from "../artifacts.js";
import { libraryPath } from "../engine/files.js";
import { systemCodeOf } from "../errors.js";
import { type BackendFacts, collectBackends } from "./backends.js";
import { findPackageManager, type PackageManager, readPackages } from "./packages.js";
import {
  examineSocketDirectory,
  removeSocketDirectory,
  type SocketDirectoryFacts,
} from "./socket-directory.js";
import { type Attempt, attempt, collectTool, type ToolFacts, versionOf } from "./tools.js";

/** What wg-bridge runs on. */
export interface Versions {
  readonly wgBridge: string;
  readonly node: string;
  readonly koffi: string | null;
  readonly go: string | null;
  /** As uname -r prints it. */
  readonly kernel: string;
  /** As process.arch spells it. */
  readonly architecture: string;
  /** `glibc 2.36`, or `musl`. */
  readonly libc: string;
}

/** What came of opening /dev/net/tun. */
export type TunFacts =
  | { readonly state: "open" }
  /** Something other than the character device 10:200. */
  | { readonly state: "other-file"; readonly kind: string }
  /** The error code of the system call: ENOENT, EACCES, ... */
  | { readonly state: "failed"; readonly code: string };

/** What was found on this machine, not yet judged. */
export interface MachineFacts {
  readonly versions: Versions;
  readonly tun: TunFacts;
  readonly capNetAdmin: boolean;
  readonly socketDirectory: SocketDirectoryFacts;
  readonly networkNamespace: Attempt;
  readonly userNamespace: Attempt;
  /** Those of the settings that can forbid user namespaces that this kernel has. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Whether the kernel has, or can load, the WireGuard module. */
  readonly kernelModule: boolean;
  readonly backends: BackendFacts;
  readonly tools: readonly ToolFacts[];
  readonly packageManager: PackageManager | undefined;
}

/** CAP_NET_ADMIN's bit in the capability sets. Source: linux/capability.h. */
const capNetAdminBit = 12n;

/** The settings with which kernels and distributions forbid user namespaces. */
const userNamespaceSettings = [
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "user.max_user_namespaces",
];

/** Examines the machine and leaves it as it was: the namespaces and tunnels that it makes end at once. */
export async function collectFacts(env: Environment): Promise<MachineFacts> {
  const socketDirectory = await examineSocketDirectory();
  const table = await readPackages();
  const [versions, networkNamespace, userNamespace, backends, tools] = await Promise.all([
    collectVersions(env),
    attempt(["unshare", "--net", "true"], env),
    attempt(["unshare", "--user", "--map-root-user", "--net", "true"], env),
    collectBackends(env),
    Promise.all(table.map((row) => collectTool(row, env))),
  ]);
  if (socketDirectory.state === "missing") await removeSocketDirectory();
  return {
    versions,
    socketDirectory,
    tun: await openTun(),
    capNetAdmin: await holdsNetAdmin(),
    networkNamespace,
    userNamespace,
    sysctls: await readSettings(),
    kernelModule: await hasKernelModule(),
    backends,
    tools,
    packageManager: findPackageManager(env),
  };
}

async function collectVersions(env: Environment): Promise<Versions> {
  const [manifest, koffi, go, libc] = await Promise.all([
    readFile(`${packageRoot}/package.json`, "utf8"),
    versionOfKoffi(env),
    versionOf(["go", "version"], env),
    versionOf(["getconf", "GNU_LIBC_VERSION"], env),
  ]);
  const { version: wgBridge }: { version: string } = JSON.parse(manifest);
  return {
    wgBridge,
    node: process.versions.node,
    koffi,
    go: go ?? null,
    kernel: release(),
    architecture: arch(),
    libc: libc === undefined ? "musl" : `glibc ${libc}`,
  };
}

async function versionOfKoffi(env: Environment): Promise<string | null> {
  const { loadKoffi } = await import("../backends/ffi/koffi.js");
  try {
    return loadKoffi(libraryPath(env)).version;
  } catch {
    return null;
  }
}

/** Character device 10:200, as Linux packs major and minor numbers into one. */
const tunDevice = (10 << 8) | 200;

async function openTun(): Promise<TunFacts> {
  try {
    const found = await stat("/dev/net/tun");
    if (!found.isCharacterDevice()) {
      return {
        state: "other-file",
        kind: found.isDirectory() ? "a directory" : "an ordinary file",
      };
    }
    if (found.rdev !== tunDevice) return { state: "other-file", kind: "another device" };
    const device = await open("/dev/net/tun", constants.O_RDWR);
    await device.close();
    return { state: "open" };
  } catch (error) {
    return { state: "failed", code: systemCodeOf(error) ?? String(error) };
  }
}

async function holdsNetAdmin(): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => ""); // Node.js may forbid it
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> capNetAdminBit) & 1n) === 1n;
}

async function readSettings(): Promise<Record<string, string>> {
  const found = await Promise.all(
    userNamespaceSettings.map(async (name) => {
      const text = await readFile(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").catch(
        () => undefined,
      );
      return text === undefined ? [] : [[name, text.trim()] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Whether the module is loaded, built in, or on disk. */
async function hasKernelModule(): Promise<boolean> {
  const modules = `/lib/modules/${release()}`;
  const inUse = await access("/sys/module/wireguard").then(
    () => true,
    () => false,
  );
  const lists = await Promise.all(
    ["modules.builtin", "modules.dep"].map((list) =>
      readFile(`${modules}/${list}`, "utf8").catch(() => ""),
    ),
  );
  return inUse || lists.some((list) => list.includes("/wireguard.ko"));
}
