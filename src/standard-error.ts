import { readFileSync } from "node:fs";

/**
 * Whether standard error blocked its writers when this module was loaded. Node.js makes a pipe non-blocking, for all
 * programs that share it, as soon as anything loads node:util, and takes that back at its end. main.ts loads this first.
 */
export const wasBlocking: boolean = blocks();

function blocks(): boolean {
  try {
    const info = readFileSync("/proc/self/fdinfo/2", "latin1");
    const nonBlocking = 0o4000; // O_NONBLOCK of all processors that Node.js runs on, but 32-bit MIPS
    return (Number.parseInt(info.split("flags:")[1] || "", 8) & nonBlocking) === 0;
  } catch {
    return false; // there is no /proc, or Node.js's permission model hides it
  }
}
