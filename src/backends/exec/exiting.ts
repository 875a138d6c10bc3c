import { readFileSync } from "node:fs";

/** PF_EXITING of a task's flags: the kernel sets it before it closes the process's files. Source: Linux, sched.h. */
const exiting = 0x4;

/**
 * Reports whether a child's process has begun to end. One that is killed closes its connections before its parent
 * learns of its end. Undefined: the kernel does not say, such as that of a sandbox, which has no flags.
 */
export function isExiting(pid: number): boolean | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, "latin1");
    // The second field, the program's name, may contain anything but ends with the last parenthesis. See
    // proc_pid_stat(5).
    const [state = "", , , , , , flags = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(flags) === 0) return undefined;
    return "ZXx".includes(state) || (Number(flags) & exiting) !== 0;
  } catch {
    return undefined;
  }
}
