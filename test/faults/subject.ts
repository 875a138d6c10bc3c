import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { packageRoot, upstreamExecutablePath } from "../../src/artifacts.js";
import { executablePath } from "../../src/engine/files.js";

/** The interface under test. */
export const name = "wgfault";

/** A child process, the lines that it has printed, and whether it has ended. */
export class Child {
  readonly lines: string[] = [];
  readonly process: ChildProcess;
  ended = false;

  constructor([command = "", ...args]: readonly string[], env: Readonly<Record<string, string>>) {
    this.process = spawn(command, args, {
      env: { ...process.env, LOG_LEVEL: "error", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    }
    // EPIPE adds nothing to the exit event.
    this.process.stdin?.on("error", () => {});
    this.process.on("error", (error) => {
      this.lines.push(error.message);
      this.ended = true;
    });
    this.process.on("exit", () => {
      this.ended = true;
    });
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  write(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }
}

/** A program whose tunnel runs under faults. */
export interface Subject {
  readonly title: string;
  /** Runs the tunnel. A tracer or the seccomp launcher may come before it. */
  readonly command: readonly string[];
  readonly kind: "foreground" | "background" | "host";
}

export const subjects: readonly Subject[] = [
  { title: "exec", kind: "foreground", command: [executablePath(process.env), "-f", name] },
  { title: "background", kind: "background", command: [executablePath(process.env), name] },
  {
    title: "ffi",
    kind: "host",
    command: [process.execPath, `${packageRoot}/dist/test/faults/host.js`, name],
  },
  { title: "upstream", kind: "foreground", command: [upstreamExecutablePath, "-f", name] },
];

/** Finds the background processes that serve the interface under test: their last argument is its name. */
export function servers(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return (
          words.at(-2) === name && words[0] !== "strace" && /wireguard-go$/.test(words[0] ?? "")
        );
      } catch {
        return false; // It has ended meanwhile.
      }
    })
    .map(Number);
}

/** Counts the open files of a process that a tunnel may have opened: sockets, TUN and inotify files. */
export function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
        return /^socket:|^anon_inode:inotify|^\/dev\/net\/tun/.test(target);
      } catch {
        return false;
      }
    }).length;
  } catch {
    return 0;
  }
}
