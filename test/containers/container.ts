import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { ip } from "../sandbox.js";
import { dockerSeccomp } from "./seccomp.js";

/** A mount of the OCI runtime specification. */
export interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** What a container may and gets, in the terms of Docker and Kubernetes. */
export interface ContainerOptions {
  /** The directory of the image's files. */
  readonly root: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly user: number;
  /** Without their prefix, as in `cap_add`. All others are dropped. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly readOnlyRoot: boolean;
  readonly mounts?: readonly Mount[];
  /** Whether it is given /dev/net/tun. */
  readonly tun: boolean;
  /** The name of a network namespace of ip(8); a user namespace has one of its own. */
  readonly network?: string;
  /**
   * Who hands out capabilities. Docker leaves an ordinary user only the bounding set; containerd and CRI-O permit the
   * process that starts the program, too. That program gets none either way, unless its file has them.
   */
  readonly runtime?: "docker" | "containerd";
  /** Maps root to this user of the host, and the next 65,535 likewise. */
  readonly hostUser?: number;
}

/** Returns a tmpfs that belongs to a user alone. */
export function tmpfs(destination: string, user: number): Mount {
  const owner = [`uid=${user}`, `gid=${user}`, "mode=0700"];
  const options = ["nosuid", "nodev", "noexec", ...owner];
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

/** Returns a mount of a file or directory of the host. */
export function bind(source: string, destination: string, readOnly = true): Mount {
  const options = ["rbind", "nosuid", readOnly ? "ro" : "rw"];
  return { destination, type: "bind", source, options };
}

/** How long a container may take to start or to end, in milliseconds. */
const limit = 60_000;

/** A container that crun runs. It ends with the test's block. */
export class Container implements AsyncDisposable {
  readonly name: string;
  readonly #pidFile: string;
  readonly #crun: ChildProcess;
  readonly #exit: Promise<number | null>;
  readonly #output: Buffer[] = [];

  private constructor(name: string, pidFile: string, crun: ChildProcess) {
    this.name = name;
    this.#pidFile = pidFile;
    this.#crun = crun;
    const closed = once(crun, "close");
    for (const stream of [crun.stdout, crun.stderr]) {
      stream?.on("data", (piece: Buffer) => this.#output.push(piece));
    }
    this.#exit = closed.then(([code]) => code);
  }

  /** Starts a container, whose files are in a directory that may be left behind. */
  static run(directory: string, name: string, options: ContainerOptions): Container {
    prepare();
    const bundle = `${directory}/${name}`;
    mkdirSync(bundle);
    writeFileSync(`${bundle}/config.json`, JSON.stringify(configOf(name, options)));
    const pidFile = `${bundle}/pid`;
    const words = [...crun, "run", "--bundle", bundle, "--pid-file", pidFile, name];
    return new Container(
      name,
      pidFile,
      spawn("crun", words, { stdio: ["ignore", "pipe", "pipe"] }),
    );
  }

  /** What it has printed so far. */
  get output(): string {
    return Buffer.concat(this.#output).toString();
  }

  /** The process ID outside the container. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, "utf8"));
  }

  /** Returns a field of the process's /proc/PID/status. */
  status(field: string): string | undefined {
    const text = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(text)?.[1];
  }

  /** Returns the path of one of its files, seen from outside. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }

  /**
   * Waits until the container has started and something is true.
   * @throws Error with the container's output if it ends before, or takes too long
   */
  async until(what: string, isTrue: () => boolean): Promise<void> {
    const deadline = Date.now() + limit;
    while (!existsSync(this.#pidFile) || !isTrue()) {
      if (this.#crun.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${this.name}: ${what} did not come about:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs a command in the container, as a probe does, and returns what it prints. */
  exec(...args: readonly string[]): string {
    const words = [...crun, "exec", this.name, ...args];
    return execFileSync("crun", words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Resolves with the exit code, as long as that takes. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** Sends a signal to the first process. */
  signal(name: string): void {
    execFileSync("crun", ["kill", this.name, name]);
  }

  /** Sends SIGTERM, and resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#crun.exitCode === null) this.signal("TERM");
    const timer = setTimeout(() => this.#crun.kill("SIGKILL"), limit);
    return this.#exit.finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#crun.exitCode !== null) return;
    execFileSync("crun", ["delete", "--force", this.name], { stdio: "ignore" });
    await this.#exit;
  }
}

const crun = ["--cgroup-manager=disabled"] as const;

/** crun looks at this directory even if it makes no cgroups; the sandbox's /sys has nothing there. */
function prepare(): void {
  if (existsSync("/sys/fs/cgroup/made-for-crun")) return;
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", "/sys/fs/cgroup"]);
  writeFileSync("/sys/fs/cgroup/made-for-crun", "");
}

function configOf(name: string, options: ContainerOptions): object {
  const { user, root, args, capabilities, runtime = "docker", network, hostUser } = options;
  const names = capabilities.map((each) => `CAP_${each}`);
  const held = user === 0 || runtime === "containerd" ? names : [];
  const environment = { PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...options.env };
  const range = [{ containerID: 0, hostID: hostUser ?? 0, size: 65_536 }];
  return {
    ociVersion: "1.0.0",
    hostname: name,
    process: {
      terminal: false,
      user: { uid: user, gid: user },
      args,
      env: Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
      cwd: options.workingDirectory ?? "/",
      capabilities: { bounding: names, effective: held, permitted: held },
      noNewPrivileges: options.noNewPrivileges,
    },
    root: { path: root, readonly: options.readOnlyRoot },
    mounts: [...standardMounts, ...(options.mounts ?? [])],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", ...(network === undefined ? {} : { path: `/run/netns/${network}` }) },
        ...(hostUser === undefined ? [] : [{ type: "user" }]),
      ],
      ...(hostUser === undefined ? {} : { uidMappings: range, gidMappings: range }),
      devices: options.tun ? [tun] : [],
      seccomp: dockerSeccomp(names),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

const tun = { path: "/dev/net/tun", type: "c", major: 10, minor: 200, fileMode: 0o666 };

const standardMounts: readonly Mount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/sys",
    type: "sysfs",
    source: "sysfs",
    options: ["nosuid", "noexec", "nodev", "ro"],
  },
];

/** Makes the network namespace of a container, with a link to this one. */
export function makeNetwork(name: string, outside: string, inside: string): void {
  ip("netns", "add", name);
  ip("link", "add", `${name}-out`, "type", "veth", "peer", "name", "eth0", "netns", name);
  ip("address", "add", outside, "dev", `${name}-out`);
  ip("link", "set", `${name}-out`, "up");
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "address", "add", inside, "dev", "eth0");
  ip("-n", name, "link", "set", "eth0", "up");
}
