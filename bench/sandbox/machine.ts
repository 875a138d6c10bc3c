import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { findCipher } from "../../src/doctor/tools.js";
import { executablePath } from "../../src/engine/files.js";

/** The machine on which it ran. */
export interface Machine {
  /** The kernel's release, as uname -r prints it. */
  readonly kernel: string;
  /** Node's name for the processor's architecture, such as "x64". */
  readonly architecture: string;
  readonly processor: string;
  /** How many processors the kernel offers. */
  readonly processors: number;
  /** Node's version, such as "v20.19.0". */
  readonly node: string;
  /** The congestion controls that the kernel offers, such as "cubic". */
  readonly congestionControls: readonly string[];
  /** The one that it uses where no program chooses. */
  readonly congestionControl: string;
  /** By which instructions build/wireguard-go encrypts here, as it says itself; null if it does not. */
  readonly cipher: string | null;
}

/** Describes a machine in a sentence. */
export function machineSentence(machine: Machine): string {
  const { kernel, processors, processor, architecture, node, cipher } = machine;
  const how = cipher === null ? "" : ` ChaCha20-Poly1305 by ${cipher}.`;
  return `Linux ${kernel}, ${processors} × ${processor} (${architecture}), Node ${node}.${how}`;
}

/** The machine that this runs on. */
export function thisMachine(): Machine {
  const processors = cpus();
  return {
    kernel: release(),
    architecture: process.arch,
    processor: processors[0]?.model.trim() ?? "unknown",
    processors: processors.length,
    node: process.version,
    congestionControls: sysctl("tcp_available_congestion_control").split(" "),
    congestionControl: sysctl("tcp_congestion_control"),
    cipher: cipherHere(),
  };
}

function sysctl(name: string): string {
  return readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim();
}

function cipherHere(): string | null {
  const { stdout } = spawnSync(executablePath({}), ["--version"], { encoding: "utf8" });
  return findCipher(stdout ?? "") ?? null;
}
