import { readFileSync, realpathSync } from "node:fs";
import { shellWord } from "../text/quote.js";

/**
 * What to do about a file that cannot be used because its file system is mounted with noexec; undefined if it is not.
 * `another` says what to do with another file system.
 */
export function noexecRemedy(path: string, another: string): string | undefined {
  const mount = noexecMountOf(path);
  if (mount === undefined) return undefined;
  return `Its file system ${mount} is mounted with noexec: run "mount -o remount,exec ${shellWord(mount)}" as root, or ${another}.`;
}

/** The mount point of a file, if nothing there may be executed. Source: proc_pid_mountinfo(5). */
function noexecMountOf(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .map(([, , , , point = "", options = ""]) => ({ point: unescaped(point), options }))
      .filter(({ point }) => real.startsWith(point === "/" ? point : `${point}/`));
    // A deeper mount hides what is above it, and a later one an earlier one on the same directory.
    const [last] = mounts.toReversed().sort((a, b) => b.point.length - a.point.length);
    return last?.options.split(",").includes("noexec") ? last.point : undefined;
  } catch {
    return undefined; // it only makes the message better
  }
}

/** mountinfo has spaces and the like as octal numbers: "\\040". */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
