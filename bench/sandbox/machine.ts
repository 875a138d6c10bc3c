import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";

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
}

/** Describes a machine in a sentence. */
export function machineSentence(machine: Machine): string {
  const { kernel, processors, processor, architecture, node } = machine;
  return `Linux ${kernel}, ${processors} × ${processor} (${architecture}), Node ${node}.`;
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
  };
}

function sysctl(name: string): string {
  return readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim();
}
