import { readdirSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

/** Returns the command lines of running processes that contain this text. */
export function processesWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(text));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Returns the fields of a stat file after the program's name: the state, the parent, and so on. See proc_pid_stat(5). */
export function statFields(path: string): string[] {
  const stat = readFileSync(path, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Stops a process, and waits until each of its threads stands: until then the kernel lets them run on. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const threads = `/proc/${pid}/task`;
  while (!readdirSync(threads).every((thread) => stateOf(`${threads}/${thread}`) === "T"))
    await setImmediate();
}

function stateOf(thread: string): string | undefined {
  try {
    return statFields(`${thread}/stat`)[0];
  } catch {
    return undefined; // It has ended meanwhile.
  }
}
