import { spawn } from "node:child_process";
import { requireDescriptors } from "./descriptors.js";

/** How a program ended, and what it wrote on standard error. */
export interface ToolEnd {
  readonly code: number | null;
  readonly said: string;
}

/** What a child needs: both ends of each pipe, a pipe for exec's error, and the copies that Node.js makes. */
const descriptorsPerPipe = 2;
const descriptorsPerSpawn = 4;

/**
 * Checks that there are descriptors for a child with so many pipes. If they ran out, Node.js would leave the pipes
 * open that it has already made.
 * @throws WgBridgeError WG_BRIDGE_RESOURCES
 */
export function requireSpawn(program: string, pipes: number): void {
  requireDescriptors(pipes * descriptorsPerPipe + descriptorsPerSpawn, `Starting ${program}`);
}

/**
 * Runs a program to its end, with `input` on its standard input.
 * @throws WgBridgeError WG_BRIDGE_RESOURCES; the system's error if it cannot be started; or the signal's
 *   reason, once it has been killed
 */
export async function runTool(
  program: string,
  args: readonly string[],
  input: string,
  signal?: AbortSignal,
): Promise<ToolEnd> {
  signal?.throwIfAborted();
  requireSpawn(program, 2);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "ignore", "pipe"],
      signal,
      killSignal: "SIGKILL", // what hangs may well ignore SIGTERM
    });
    // Before anything else: a child that cannot be started may have no streams.
    child.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
    let said = "";
    child.stderr?.on("data", (piece: Buffer) => {
      said += piece.toString();
    });
    child.stdin?.on("error", () => {}); // the program has ended before, and its exit code says why
    child.on("close", (code) => resolve({ code, said }));
    child.stdin?.end(input);
  });
}
