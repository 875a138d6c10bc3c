import { readFileSync } from "node:fs";

/** A user who has no file or process on this machine. */
export const stranger = 12_345;

/** Whether this process can give files to that user: it cannot in a user namespace with one user. */
export const hasStranger =
  process.geteuid?.() === 0 &&
  readFileSync("/proc/self/uid_map", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => first <= stranger && stranger < first + count);

/** The end of the title of a test that needs another user. */
export const skippedWithoutStranger = hasStranger ? "" : " [skipped: only one user here]";
