/** A system call that a recorded run made. */
export interface TracedCall {
  readonly thread: number;
  /** Seconds of Unix time. */
  readonly at: number;
  readonly name: string;
  /** The kernel's number of the call. */
  readonly number: number;
  /** strace made it fail. */
  readonly injected: boolean;
  /** On the descriptor by which Go's runtime or libuv wakes itself: it tries for ever, which is not ours to bound. */
  readonly wakes: boolean;
}

const line = /^(\d+) +(\d+\.\d+) (.*)$/;
const waking = /^\[ *\d+\] \w+\(\d+<anon_inode:\[eventfd\]>/;
const begun = /^\[ *(\d+)\] ([a-z_0-9]+)\(/;
const resumed = /^\[ *\d+\] <\.\.\. ([a-z_0-9]+) resumed>/;

/**
 * Reads what `strace -f -n -y -ttt -o FILE` wrote. A call that another thread's call cut in two counts once, where it
 * began; that it was injected stands where it ends. What is no call (signals, ends of processes) is left out.
 */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const open = new Map<string, number>();
  for (const whole of text.split("\n")) {
    const [, thread = "", at = "", rest = ""] = line.exec(whole) ?? [];
    const injected = rest.endsWith("(INJECTED)");
    const end = resumed.exec(rest)?.[1];
    if (end !== undefined) {
      const index = open.get(`${thread} ${end}`);
      const call = index === undefined ? undefined : calls[index];
      if (index !== undefined && call !== undefined) calls[index] = { ...call, injected };
      continue;
    }
    const [, number, name] = begun.exec(rest) ?? [];
    if (name === undefined) continue;
    if (rest.endsWith("<unfinished ...>")) open.set(`${thread} ${name}`, calls.length);
    calls.push({
      thread: Number(thread),
      at: Number(at),
      name,
      number: Number(number),
      injected,
      wakes: waking.test(rest),
    });
  }
  return calls;
}
