import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

/** How a process ended: with a code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How long a dead child's last output is waited for, in milliseconds: a grandchild may hold it. */
const outputGrace = 200;

/** Resolves when the child has ended, however much of what it wrote is unread. */
export function bareExitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

/** Resolves when the child has ended and what it wrote has been read. Call it right after spawning. */
export async function exitOf(child: ChildProcess): Promise<Exit> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  const exit = await bareExitOf(child);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, outputGrace);
  });
  await Promise.race([closed, late]);
  clearTimeout(timer);
  for (const stream of child.stdio) stream?.destroy();
  return exit;
}

/** The stream of what the child writes to a descriptor that it was given as a pipe. */
export function outputOf(child: ChildProcess, fd: number): Readable {
  const stream = child.stdio[fd];
  if (stream && "read" in stream) return stream;
  throw new Error(`Descriptor ${fd} of the child is not a pipe.`);
}
