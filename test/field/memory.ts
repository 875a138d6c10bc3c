import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds, memory, untilAtRest } from "../../bench/tunnels/process.js";
import { type Flooded, flood } from "./flood.js";
import type { MemoryRow } from "./memory-rows.js";
import type { FieldProgram } from "./programs.js";
import type { Figure, Measured } from "./result.js";
import { Site } from "./site.js";

/** When memory is first read after a flood, in seconds. */
const soon = 10;

/**
 * Returns the figures: resident memory in MiB, except the last one.
 * @param settle when memory is last read, in seconds after the flood
 */
export function memoryFigures(settle: number): Figure[] {
  const after = settle > soon ? [soon, settle] : [settle];
  return [
    { id: "before", title: "before, MiB", decimals: 1 },
    { id: "during", title: "at the flood's end", decimals: 1 },
    { id: "peak", title: "peak", decimals: 1 },
    { id: "grown", title: "peak above before", decimals: 1 },
    ...after.map((seconds) => ({
      id: `after${seconds}`,
      title: `${seconds} s later`,
      decimals: 1,
    })),
    { id: "sent", title: "kdatagrams the kernel accepted", decimals: 1 },
  ];
}

/** Measures a program in one case, in namespaces of its own. */
export async function measureMemory(
  row: MemoryRow,
  program: FieldProgram,
  settle: number,
): Promise<Measured> {
  return whileFlooded(row, program, async ({ pid, before, sent }) => {
    const ended = performance.now();
    const during = memory(pid, "VmRSS");
    const measured: Record<string, number> = { before, during, sent: sent / 1000 };
    for (const seconds of new Set([Math.min(soon, settle), settle])) {
      await delay(ended + seconds * 1000 - performance.now());
      measured[`after${seconds}`] = memory(pid, "VmRSS");
    }
    const peak = memory(pid, "VmHWM");
    return { ...measured, peak, grown: Math.max(0, peak - before) };
  });
}

/** A running program after a flood. Its VmHWM is the maximum since the flood began. */
export interface FloodedProgram extends Flooded {
  readonly pid: number;
  /** Resident memory before the flood, in MiB. */
  readonly before: number;
}

/**
 * Floods a program, and does the work once the flood has ended.
 * @throws Error that says how the program ended, if it did
 */
export async function whileFlooded<Result>(
  row: MemoryRow,
  program: FieldProgram,
  work: (flooded: FloodedProgram) => Promise<Result>,
): Promise<Result> {
  await using site = await Site.make(1);
  const server = await site.startServer(program, row.mtu, row.env);
  const { pid } = server;
  const load = await row.prepare(site, server);
  await untilAtRest(() => cpuSeconds(pid));
  const before = memory(pid, "VmRSS");
  await resetPeak(pid);
  const flooded = await flood(load);
  server.assertRuns();
  const result = await work({ ...flooded, pid, before });
  server.assertRuns();
  return result;
}

/** Resets VmHWM to the current memory. Source: Linux's Documentation/filesystems/proc.rst, clear_refs. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}
