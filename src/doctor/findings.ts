import { buildCommand, isCheckout } from "../engine/remedy.js";
import type { WgBridgeErrorCode } from "../errors.js";
import type { ArtifactFacts, BackendFacts } from "./backends.js";
import type { MachineFacts, TunFacts, Versions } from "./facts.js";
import { installCommands, type PackageManager } from "./packages.js";
import type { SocketDirectoryFacts } from "./socket-directory.js";
import type { Attempt, ToolFacts } from "./tools.js";

/**
 * ok: as it should be. warn: missing, but there is another way, or only the comparison or a build needs it.
 * fail: missing, and wg-bridge needs it.
 */
export type Mark = "ok" | "warn" | "fail";

/** One thing that was checked. */
export interface Finding {
  /** Stable, for programs: "tun", "tool wg". */
  readonly id: string;
  readonly title: string;
  readonly mark: Mark;
  /** What was found: one line. */
  readonly detail: string;
  /** Shell commands, each of which provides what is missing. Some of them need root. */
  readonly fixes: readonly string[];
}

/** All that doctor reports; `wg-bridge doctor --json` prints it. */
export interface Diagnosis {
  readonly versions: Versions;
  readonly findings: readonly Finding[];
  /** What --backend=auto would choose and why; backend is null if no backend can be used. */
  readonly auto: BackendFacts["auto"];
  /** Whether this user can open a tunnel now, with at least one backend. */
  readonly canOpenTunnel: boolean;
}

/** Judges the facts. Pure. */
export function diagnose(facts: MachineFacts): Diagnosis {
  const tun = judgeTun(facts.tun);
  const opening = judgeOpening(facts.backends);
  const findings = [
    tun,
    judgeNetAdmin(facts.capNetAdmin),
    judgeSocketDirectory(facts.socketDirectory),
    ...judgeNamespaces(facts),
    judgeKernelModule(facts.kernelModule),
    ...judgeBackends(facts.backends),
    ...opening,
    ...judgeCipher(facts.backends),
    ...facts.tools.map((tool) => judgeTool(tool, facts.packageManager)),
    judgeGo(facts.versions.go),
  ];
  const { auto } = facts.backends;
  return {
    versions: facts.versions,
    findings,
    auto,
    canOpenTunnel: opening.some(({ mark }) => mark !== "fail"),
  };
}

type Subject = Pick<Finding, "id" | "title">;

function ok(subject: Subject, detail: string): Finding {
  return { ...subject, mark: "ok", detail, fixes: [] };
}

const createDevice = "mkdir -p /dev/net && mknod /dev/net/tun c 10 200 && chmod 666 /dev/net/tun";
const runWithDevice = "docker run --cap-add NET_ADMIN --device /dev/net/tun ...";

/** Judges the TUN device. Pure. */
export function judgeTun(facts: TunFacts): Finding {
  const subject = { id: "tun", title: "/dev/net/tun" };
  if (facts.state === "open") return ok(subject, "can be opened");
  const [detail, ...fixes] =
    facts.state === "other-file"
      ? [
          `is ${facts.kind}, not the character device 10:200`,
          `rm -r /dev/net/tun && ${createDevice}`,
        ]
      : explainTunFailure(facts.code);
  return { ...subject, mark: "fail", detail, fixes };
}

function explainTunFailure(code: string): readonly [detail: string, ...fixes: string[]] {
  switch (code) {
    case "ENOENT":
      return ["does not exist", "modprobe tun", createDevice, runWithDevice];
    case "ENODEV":
    case "ENXIO":
      return [`has no driver in this kernel (${code})`, "modprobe tun"];
    case "EACCES":
      return ["may not be opened by this user (EACCES)", "sudo chmod 666 /dev/net/tun"];
    case "EPERM":
      return ["is forbidden to this container (EPERM)", runWithDevice];
    default:
      return [`cannot be opened (${code})`, createDevice];
  }
}

function judgeNetAdmin(held: boolean): Finding {
  const subject = { id: "net-admin", title: "CAP_NET_ADMIN" };
  if (held) return ok(subject, "held");
  return {
    ...subject,
    mark: "fail",
    detail: "not held: only root, or a process with this capability, may make an interface",
    fixes: ['sudo env "PATH=$PATH" npm run doctor', runWithDevice],
  };
}

function judgeSocketDirectory(facts: SocketDirectoryFacts): Finding {
  const subject = { id: "socket-directory", title: "/var/run/wireguard" };
  if (facts.state !== "failed") {
    return ok(subject, facts.state === "usable" ? "can be written" : "can be made");
  }
  const { code } = facts;
  const [why, ...fixes] =
    code === "EROFS"
      ? [
          "is on a read-only file system (EROFS): mount an emptyDir or a tmpfs there",
          "docker run --tmpfs /run ...",
        ]
      : code === "EACCES" || code === "EPERM"
        ? [`may not be written by this user (${code})`, 'sudo env "PATH=$PATH" npm run doctor']
        : [`cannot be used (${code})`];
  return { ...subject, mark: "fail", detail: why ?? "", fixes };
}

/** What came of opening a tunnel with each backend whose file can be used. */
function judgeOpening({ library, executable }: BackendFacts): Finding[] {
  const subject = { id: "tunnel", title: "a tunnel" };
  const tried = [
    { backend: "ffi", ...library },
    { backend: "exec", ...executable },
  ].filter(({ problem }) => problem === undefined);
  if (tried.length === 0) return [];
  const opened = tried.filter(({ refusal }) => refusal === undefined);
  const refused = tried.flatMap(({ backend, refusal }) =>
    refusal === undefined ? [] : [`with ${backend} ${refusal.code}: ${refusal.message}`],
  );
  const names = opened.map(({ backend }) => backend).join(" and ");
  if (refused.length === 0) return [ok(subject, `was opened and closed with ${names}`)];
  if (opened.length === 0) {
    return [{ ...subject, mark: "fail", detail: refused.join("; "), fixes: [] }];
  }
  const detail = `was opened and closed with ${names}; ${refused.join("; ")}`;
  return [{ ...subject, mark: "warn", detail, fixes: [] }];
}

/** What each engine said that opened a tunnel: "AVX-512 with ffi, exec, userspace". */
function judgeCipher({ library, executable, userspaceExecutable }: BackendFacts): Finding[] {
  const said = [
    { name: "ffi", cipher: library.cipher },
    { name: "exec", cipher: executable.cipher },
    { name: "userspace", cipher: userspaceExecutable.cipher },
  ].filter(({ cipher }) => cipher !== undefined);
  const ciphers = [...new Set(said.map(({ cipher }) => cipher))];
  const parts = ciphers.map((cipher) => {
    const names = said.filter((one) => one.cipher === cipher).map(({ name }) => name);
    return `${cipher} with ${names.join(", ")}`;
  });
  return said.length === 0
    ? []
    : [ok({ id: "cipher", title: "ChaCha20-Poly1305" }, parts.join(", "))];
}

/** The sandbox needs one kind of namespace: if the other is missing, that is only a warning. */
function judgeNamespaces({ networkNamespace, userNamespace, sysctls }: MachineFacts): Finding[] {
  const mark: Mark = networkNamespace.ok || userNamespace.ok ? "warn" : "fail";
  const judge = (subject: Subject, attempt: Attempt, fixes: string[]): Finding =>
    attempt.ok ? ok(subject, "can be made") : { ...subject, mark, detail: attempt.message, fixes };
  return [
    judge({ id: "network-namespaces", title: "network namespaces" }, networkNamespace, [
      'sudo env "PATH=$PATH" npm start',
    ]),
    judge(
      { id: "user-namespaces", title: "user namespaces" },
      userNamespace,
      userNamespaceFixes(sysctls),
    ),
  ];
}

function userNamespaceFixes(sysctls: MachineFacts["sysctls"]): string[] {
  const forbidding = [
    { name: "kernel.unprivileged_userns_clone", forbids: "0", allows: "1" },
    { name: "kernel.apparmor_restrict_unprivileged_userns", forbids: "1", allows: "0" },
    { name: "user.max_user_namespaces", forbids: "0", allows: "15000" },
  ].filter(({ name, forbids }) => sysctls[name] === forbids);
  if (forbidding.length === 0) return ["docker run --security-opt seccomp=unconfined ..."];
  return forbidding.map(({ name, allows }) => `sysctl -w ${name}=${allows}`);
}

function judgeKernelModule(present: boolean): Finding {
  return ok(
    { id: "kernel-module", title: "WireGuard in the kernel" },
    present
      ? "present: the kernel could run this tunnel itself, and faster"
      : "absent: tunnels need userspace",
  );
}

/** A tunnel needs one backend: if the other is unusable, that is only a warning. */
function judgeBackends({
  library,
  executable,
  userspaceExecutable,
  auto,
}: BackendFacts): Finding[] {
  const mark: Mark = auto.backend === null ? "fail" : "warn";
  return [
    judgeArtifact({ id: "library", title: "library (ffi)" }, library, "ABI", mark),
    judgeArtifact({ id: "executable", title: "executable (exec)" }, executable, "version", mark),
    judgeUserspace(userspaceExecutable),
  ];
}

/** Only userspace tunnels on exec need it, and unlike others these are possible wherever it runs. */
function judgeUserspace(facts: ArtifactFacts): Finding {
  const subject = { id: "userspace-executable", title: "executable (userspace)" };
  const { path, refusal } = facts;
  if (facts.problem !== undefined || refusal === undefined) {
    return judgeArtifact(subject, facts, "version", "warn");
  }
  const detail = `${path} opens no tunnel: ${refusal.code}: ${refusal.message}`;
  return { ...subject, mark: "warn", detail, fixes: [] };
}

function judgeArtifact(
  subject: Subject,
  { path, version, problem }: ArtifactFacts,
  versionName: string,
  mark: Mark,
): Finding {
  if (problem === undefined) return ok(subject, `${path}, ${versionName} ${version}`);
  const { code, message } = problem;
  return { ...subject, mark, detail: `${code}: ${message}`, fixes: artifactFixes(code) };
}

/** Commands beyond those that the message has. */
function artifactFixes(code: WgBridgeErrorCode): string[] {
  switch (code) {
    case "WG_BRIDGE_LIBRARY_MUSL":
    case "WG_BRIDGE_LIBRARY_KOFFI":
    case "WG_BRIDGE_UNTRUSTED":
    case "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE":
      return [];
    default:
      return isCheckout() ? [buildCommand] : [];
  }
}

function judgeTool(
  { tool, path, version, problem, packages }: ToolFacts,
  manager: PackageManager | undefined,
): Finding {
  const subject = { id: `tool ${tool}`, title: tool };
  if (path === undefined) {
    const fixes = installCommands(packages, manager);
    return { ...subject, mark: "fail", detail: "not found", fixes };
  }
  if (problem !== undefined) {
    return { ...subject, mark: "fail", detail: `${path} cannot be run: ${problem}`, fixes: [] };
  }
  return ok(subject, version === undefined ? path : `${path} (${version})`);
}

function judgeGo(version: string | null): Finding {
  const subject = { id: "go", title: "go" };
  if (version !== null) return ok(subject, version);
  const detail = "not found: only a build needs it; see https://go.dev/dl/";
  return { ...subject, mark: "warn", detail, fixes: [] };
}
