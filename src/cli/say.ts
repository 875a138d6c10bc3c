import { printable } from "../text/printable.js";

/** Says one line on standard error. What others chose in it cannot become more than text. */
export function say(message: string): void {
  ignoreLostErrors();
  process.stderr.write(`wg-bridge: ${printable(message)}\n`);
}

/** Lets no program end because nobody reads, or there is no room for, what it says on standard error. */
export function ignoreLostErrors(): void {
  if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => {});
}
