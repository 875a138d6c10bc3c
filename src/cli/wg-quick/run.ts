import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Environment } from "../../artifacts.js";

/**
 * Runs a command with this process's standard streams to its end, and returns its exit code, or 128 and
 * the number of the signal that ended it. Signals to this process are passed on, so that wg-quick can
 * take back what it began; a terminal's Ctrl-C reaches it without us.
 */
export function runAttached(
  [program = "", ...words]: readonly string[],
  env: Environment,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { env: { ...env }, stdio: "inherit" });
    const forward = (signal: NodeJS.Signals) => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of forwarded) process.on(signal, forward);
    // After the start it can only be a signal that sudo may not be sent.
    child.on("error", reject);
    child.on("spawn", () => child.on("error", () => {}).removeListener("error", reject));
    child.on("close", (code, signal) => {
      for (const name of forwarded) process.removeListener(name, forward);
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
