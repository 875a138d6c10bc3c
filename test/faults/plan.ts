import type { TracedCall } from "./strace.js";

/** The parts of a tunnel's life, in order. */
export const phases = ["start", "configure", "traffic", "stop"] as const;

export type Phase = (typeof phases)[number];

/** When each phase began, in seconds of Unix time. */
export type PhaseTimes = Readonly<Partial<Record<Phase, number>>>;

/** Returns the phase at a time: start, if none has begun. */
export function phaseAt(times: PhaseTimes, at: number): Phase {
  return phases.findLast((phase) => (times[phase] ?? Number.POSITIVE_INFINITY) <= at) ?? "start";
}

/** A fault to inject. */
export interface Fault {
  readonly call: string;
  /** The kernel's number of the call. */
  readonly number: number;
  readonly errno: string;
  /** The number of the call that fails, from 1, in each thread. "always": every call from the beginning of a phase. */
  readonly nth: number | "always";
  /** The phase in which the recorded run made the call. With "always": the phase from which on it fails. */
  readonly phase: Phase;
  /** What makes it fail: strace, or a seccomp filter that is set before the program starts. */
  readonly by: "strace" | "seccomp";
}

/** The calls that never fail here, and why. */
export const excluded: ReadonlyMap<string, string> = new Map([
  ["close", "the kernel closes the file even if it reports an error; strace would leave it open"],
  ["execve", "starts the program"],
  ["exit", "cannot fail"],
  ["exit_group", "cannot fail"],
  ["rt_sigreturn", "cannot fail"],
  ["restart_syscall", "the kernel calls it"],
  ["fsync", "koffi flushes standard output when Node.js exits, and waits for ever if that fails"],
  [
    "rt_sigprocmask",
    "does not fail in practice; Go's runtime would continue with broken signal stacks",
  ],
  ["munmap", "a real error means that the program is broken"],
]);

/** Without these the program cannot report anything: single calls fail, but not all. */
const reporting: ReadonlySet<string> = new Set(["write"]);

const descriptors =
  /^(open|openat|socket|socketpair|pipe2?|dup[23]?|accept4?|eventfd2|epoll_create1?|inotify_init1?|fcntl)$/;
const memory = /^(mmap|mremap|brk|clone3?|mprotect|madvise)$/;
const watches = /^(epoll_ctl|inotify_add_watch)$/;

/** Returns the error with which the kernel is most likely to fail a call. */
export function likelyErrno(call: string): string {
  if (descriptors.test(call)) return "EMFILE";
  if (memory.test(call)) return "ENOMEM";
  if (watches.test(call)) return "ENOSPC";
  return "EIO";
}

/** The error with which a sandbox fails a call that it forbids. */
const forbidden = "EPERM";

/**
 * Plans the faults for the calls of a recorded run. Of each thread, the first calls and the last one fail, one in a
 * run. Then every call fails from the beginning of a phase on, for each phase in which the run made that call.
 * @param depth how many of the first calls fail
 * @param wanted selects calls by name
 */
export function planFaults(
  calls: readonly TracedCall[],
  times: PhaseTimes,
  depth: number,
  wanted: (call: string) => boolean,
): Fault[] {
  const byName = groups(
    calls.filter(({ name }) => !excluded.has(name) && wanted(name)),
    ({ name }) => name,
  );
  return [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1)).flatMap(faultsOf);

  function faultsOf([call, made]: [string, TracedCall[]]): Fault[] {
    const errno = likelyErrno(call);
    const number = made[0]?.number ?? -1;
    const threads = [...groups(made, ({ thread }) => thread).values()];
    const longest = Math.max(...threads.map(({ length }) => length));
    const numbers = new Set([
      ...Array.from({ length: Math.min(depth, longest) }, (_, i) => i + 1),
      longest,
    ]);
    const alone = [...numbers].map((nth): Fault => {
      const first = Math.min(...threads.flatMap((thread) => thread[nth - 1]?.at ?? []));
      return { call, number, errno, nth, phase: phaseAt(times, first), by: "strace" };
    });
    if (reporting.has(call)) return alone;
    const used = new Set(made.map(({ at }) => phaseAt(times, at)));
    const always = phases
      .filter((phase) => used.has(phase))
      .map(
        (phase): Fault => ({ call, number, errno: forbidden, nth: "always", phase, by: "strace" }),
      );
    return [
      ...alone,
      ...always,
      { call, number, errno: forbidden, nth: "always", phase: "start", by: "seccomp" },
    ];
  }
}

function groups<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const grouped = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    grouped.set(key, [...(grouped.get(key) ?? []), item]);
  }
  return grouped;
}
