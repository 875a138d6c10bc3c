import { printable } from "../text/printable.js";

/** Prints one line to standard error, with control characters made visible. */
export function say(message: string): void {
  ignoreLostErrors();
  process.stderr.write(`wg-bridge: ${printable(message)}\n`);
}

/** Keeps this process from ending if standard error has no reader or no room. */
export function ignoreLostErrors(): void {
  if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => {});
}
