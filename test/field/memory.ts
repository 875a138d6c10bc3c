import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { memory } from "../../src/bench/process.js";
import type { Figure, Measured } from "./figure.js";
import { flood } from "./flood.js";
import type { MemoryRow } from "./memory-rows.js";
import type { FieldProgram } from "./programs.js";
import { Site } from "./site.js";

/** How long a program that has just been configured may rest before it is measured, in milliseconds. */
const rest = 1000;

/** When the memory after a flood is read first, in seconds. */
const soon = 10;

/** All in MiB resident but the last. @param settle when the memory is read last, in seconds after the flood */
export function memoryFigures(settle: number): Figure[] {
  const after = settle > soon ? [soon, settle] : [settle];
  return [
    { id: "before", title: "before, MiB", decimals: 1 },
    { id: "during", title: "at the flood's end", decimals: 1 },
    { id: "peak", title: "peak", decimals: 1 },
    ...after.map((seconds) => ({
      id: `after${seconds}`,
      title: `${seconds} s later`,
      decimals: 1,
    })),
    { id: "sent", title: "kdatagrams the kernel accepted", decimals: 1 },
  ];
}

/** Takes a program through a case, in namespaces of its own. */
export async function measureMemory(
  row: MemoryRow,
  program: FieldProgram,
  settle: number,
): Promise<Measured> {
  await using site = await Site.make(1);
  const server = await site.startServer(program, row.mtu, row.env);
  const load = await row.prepare(site, server);
  await delay(rest);
  const before = memory(server.pid, "VmRSS");
  await resetPeak(server.pid);
  const { sent } = await flood(load);
  const ended = performance.now();
  const during = memory(server.pid, "VmRSS");
  const measured: Record<string, number> = { before, during, sent: sent / 1000 };
  for (const seconds of new Set([Math.min(soon, settle), settle])) {
    await delay(ended + seconds * 1000 - performance.now());
    measured[`after${seconds}`] = memory(server.pid, "VmRSS");
  }
  server.assertRuns();
  return { ...measured, peak: memory(server.pid, "VmHWM") };
}

/** From now on VmHWM is that of the time since. Source: Linux's Documentation/filesystems/proc.rst, clear_refs. */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}
