import { existsSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";

const program = `${packageRoot}/build/faults/deny`;

/** The kernel's numbers of system calls. */
const numbers: Readonly<Record<string, { readonly unshare: number; readonly socket: number }>> = {
  x64: { unshare: 272, socket: 41 },
  arm64: { unshare: 97, socket: 198 },
};

/** Why no system call can be denied here; undefined if it can. */
export const denyObstacle =
  numbers[process.arch] === undefined
    ? `the numbers of system calls on ${process.arch} are not known`
    : existsSync(program)
      ? undefined
      : "build/faults/deny is not built";

/** The end of the title of a test that denies system calls. */
export const denySkipped = denyObstacle === undefined ? "" : ` [skipped: ${denyObstacle}]`;

/** Returns the beginning of a command for which a system call fails, with this first argument if it is given. */
export function denying(call: "unshare" | "socket", errno: number, first?: number): string[] {
  const number = numbers[process.arch]?.[call];
  return [program, first === undefined ? `${number}` : `${number}:${first}`, String(errno)];
}
