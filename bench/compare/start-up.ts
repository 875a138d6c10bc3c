import { fileURLToPath } from "node:url";
import { type Environment, sandboxScript } from "../../src/artifacts.js";
import { median } from "../report/statistics.js";
import { runInSandbox } from "../sandbox/sandbox.js";
import type { Program, StartUp, StartUpTime } from "./comparison.js";

/** How often a program is started in each way. */
const starts = 5;

const probe = fileURLToPath(new URL("./start-up-probe.js", import.meta.url));

/** Measures how long a program takes from its launch until UAPI answers. */
export async function measureStartUp(
  program: Program,
  env: Environment,
  signal: AbortSignal,
): Promise<StartUp> {
  const measure = async (mode: keyof StartUp): Promise<StartUpTime> => {
    const probing = [process.execPath, probe, mode, String(starts), ...program.command];
    const { output } = await runInSandbox([sandboxScript, ...probing], env, signal);
    return startUpTime(output);
  };
  return { background: await measure("background"), foreground: await measure("foreground") };
}

/** Reads what the probe printed; its last line counts. */
export function startUpTime(output: string): StartUpTime {
  const { samples, error } = probeAnswer(output.trim().split("\n").at(-1) ?? "");
  return { milliseconds: error === null ? median(samples) : null, samples, error };
}

function probeAnswer(line: string): { samples: number[]; error: string | null } {
  try {
    const answer: unknown = JSON.parse(line);
    if (
      typeof answer === "object" &&
      answer !== null &&
      "samples" in answer &&
      Array.isArray(answer.samples) &&
      answer.samples.every((sample) => typeof sample === "number") &&
      "error" in answer &&
      (answer.error === null || typeof answer.error === "string")
    ) {
      return { samples: answer.samples, error: answer.error };
    }
  } catch {
    // Not JSON: it is the sandbox's own complaint.
  }
  return { samples: [], error: line || "The sandbox ended without an answer." };
}
