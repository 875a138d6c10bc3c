import { cpus, release } from "node:os";
import type { Machine } from "./comparison.js";

/** The machine that this runs on. */
export function thisMachine(): Machine {
  const processors = cpus();
  return {
    kernel: release(),
    architecture: process.arch,
    processor: processors[0]?.model.trim() ?? "unknown",
    processors: processors.length,
    node: process.version,
  };
}
