import type { Machine } from "../../sandbox/machine.js";

/** A machine for results that were never measured. */
export const someMachine: Machine = {
  kernel: "6.18.0",
  architecture: "x64",
  processor: "Some Processor",
  processors: 2,
  node: "v20.19.0",
};
