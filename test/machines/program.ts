import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { packageRoot } from "../../src/artifacts.js";
import { cannotRun } from "../checks/check.js";

/** Runs a program in the directory of package.json, with this process's output, and resolves with its exit status. */
export async function runProgram(program: string, ...args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { cwd: packageRoot, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 128;
}

/** Ends this process as one that the machine cannot run if a program is missing. */
export function requireProgram(program: string): void {
  if (spawnSync("which", [program]).status === 0) return;
  console.log(`${program} is not installed: scripts/release-tools installs it`);
  process.exit(cannotRun);
}
