import { buildCommand } from "../artifacts.js";
import type { WgBridgeErrorCode } from "../errors.js";
import type { ArtifactFacts, BackendFacts } from "./backends.js";
import type { MachineFacts, Versions } from "./facts.js";
import type { Finding, Mark } from "./finding.js";
import { installCures, type PackageManager } from "./packages.js";
import type { Attempt, ToolFacts } from "./tools.js";
import { findTun } from "./tun.js";

/** Everything that doctor has to say; `wg-bridge doctor --json` prints it. */
export interface Diagnosis {
  readonly versions: Versions;
  readonly findings: readonly Finding[];
  /** What --backend=auto would take and why; backend is null where no backend can be used. */
  readonly auto: BackendFacts["auto"];
  /** Whether this user can open a tunnel now, with at least one backend. */
  readonly canOpenTunnel: boolean;
}

/** Judges the facts. Pure. */
export function diagnose(facts: MachineFacts): Diagnosis {
  const tun = findTun(facts.tun);
  const netAdmin = findNetAdmin(facts.capNetAdmin);
  const findings = [
    tun,
    netAdmin,
    ...findNamespaces(facts),
    findKernelModule(facts.kernelModule),
    ...findBackends(facts.backends),
    ...facts.tools.map((tool) => findTool(tool, facts.packageManager)),
    findGo(facts.versions.go),
  ];
  const { auto } = facts.backends;
  return {
    versions: facts.versions,
    findings,
    auto,
    canOpenTunnel: tun.mark === "ok" && netAdmin.mark === "ok" && auto.backend !== null,
  };
}

function findNetAdmin(held: boolean): Finding {
  const base = { id: "net-admin", title: "CAP_NET_ADMIN" };
  if (held) return { ...base, mark: "ok", detail: "held", cures: [] };
  return {
    ...base,
    mark: "lack",
    detail: "not held: only root, or who has this capability, may make an interface",
    cures: [
      'sudo env "PATH=$PATH" npm run doctor',
      "docker run --cap-add NET_ADMIN --device /dev/net/tun ...",
    ],
  };
}

/** Either kind of namespace is enough for the sandbox: so one alone is never a lack. */
function findNamespaces({ networkNamespace, userNamespace, sysctls }: MachineFacts): Finding[] {
  const failed: Mark = networkNamespace.ok || userNamespace.ok ? "warn" : "lack";
  const describe = (id: string, title: string, attempt: Attempt, cures: string[]): Finding =>
    attempt.ok
      ? { id, title, mark: "ok", detail: "can be made", cures: [] }
      : { id, title, mark: failed, detail: attempt.message, cures };
  return [
    describe("network-namespaces", "network namespaces", networkNamespace, [
      'sudo env "PATH=$PATH" npm start',
    ]),
    describe("user-namespaces", "user namespaces", userNamespace, userNamespaceCures(sysctls)),
  ];
}

function userNamespaceCures(sysctls: MachineFacts["sysctls"]): string[] {
  const forbidding = [
    { name: "kernel.unprivileged_userns_clone", forbids: "0", allows: "1" },
    { name: "kernel.apparmor_restrict_unprivileged_userns", forbids: "1", allows: "0" },
    { name: "user.max_user_namespaces", forbids: "0", allows: "15000" },
  ].filter(({ name, forbids }) => sysctls[name] === forbids);
  if (forbidding.length === 0) return ["docker run --security-opt seccomp=unconfined ..."];
  return forbidding.map(({ name, allows }) => `sysctl -w ${name}=${allows}`);
}

function findKernelModule(present: boolean): Finding {
  const detail = present
    ? "present: the kernel could run this tunnel itself, and faster"
    : "absent: userspace is the way";
  return { id: "kernel-module", title: "WireGuard in the kernel", mark: "ok", detail, cures: [] };
}

/** Either backend is enough for a tunnel: so one alone is never a lack. */
function findBackends({ library, executable, auto }: BackendFacts): Finding[] {
  const failed: Mark = auto.backend === null ? "lack" : "warn";
  return [
    findArtifact({ id: "library", title: "library (ffi)" }, library, "ABI", failed),
    findArtifact({ id: "executable", title: "executable (exec)" }, executable, "version", failed),
  ];
}

function findArtifact(
  base: Pick<Finding, "id" | "title">,
  { path, version, fault }: ArtifactFacts,
  versionName: string,
  failed: Mark,
): Finding {
  if (fault === undefined) {
    return { ...base, mark: "ok", detail: `${path}, ${versionName} ${version}`, cures: [] };
  }
  return {
    ...base,
    mark: failed,
    detail: `${fault.code}: ${fault.message}`,
    cures: artifactCures(fault.code, path),
  };
}

function artifactCures(code: WgBridgeErrorCode, path: string): string[] {
  switch (code) {
    case "WG_BRIDGE_LIBRARY_MUSL":
    case "WG_BRIDGE_UNTRUSTED": // its sentence has the command
    case "WG_BRIDGE_LIBRARY_KOFFI": // its message holds the remedy, which is no command
      return [];
    case "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE":
      return [`chmod +x ${path}`];
    default:
      return [buildCommand];
  }
}

function findTool(
  { tool, path, version, packages }: ToolFacts,
  manager: PackageManager | undefined,
): Finding {
  const base = { id: `tool ${tool}`, title: tool };
  if (path === undefined) {
    return { ...base, mark: "lack", detail: "not found", cures: installCures(packages, manager) };
  }
  return {
    ...base,
    mark: "ok",
    detail: version === undefined ? path : `${path} (${version})`,
    cures: [],
  };
}

function findGo(version: string | null): Finding {
  const base = { id: "go", title: "go" };
  if (version !== null) return { ...base, mark: "ok", detail: version, cures: [] };
  const detail = "not found: only building needs it; see https://go.dev/dl/";
  return { ...base, mark: "warn", detail, cures: [] };
}
