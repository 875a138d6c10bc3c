import type { TracedCall } from "./strace.js";

/** The parts of a tunnel's life, in their order. */
export const phases = ["start", "configure", "traffic", "stop"] as const;

export type Phase = (typeof phases)[number];

/** When each phase began, in seconds of Unix time. */
export type PhaseTimes = Readonly<Partial<Record<Phase, number>>>;

/** The phase at a time; start, before any began. */
export function phaseAt(times: PhaseTimes, at: number): Phase {
  return phases.findLast((phase) => (times[phase] ?? Number.POSITIVE_INFINITY) <= at) ?? "start";
}

/** A fault to inject. */
export interface Fault {
  readonly call: string;
  /** The kernel's number of the call. */
  readonly number: number;
  readonly errno: string;
  /** The how manieth call of each thread fails; "always": all of them, from the beginning of a phase. */
  readonly nth: number | "always";
  /** In which phase the recorded run made the call; "always": from which phase on it fails. */
  readonly phase: Phase;
  /** strace makes it fail, or a seccomp filter that is set before the program starts. */
  readonly by: "strace" | "seccomp";
}

/** What is not injected, and why. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  ["close", "the kernel closes the file whatever it answers; strace would leave it open"],
  ["execve", "begins the program"],
  ["exit", "cannot fail"],
  ["exit_group", "cannot fail"],
  ["rt_sigreturn", "cannot fail"],
  ["restart_syscall", "the kernel makes it"],
  ["fsync", "koffi flushes standard output when Node.js ends, and waits for ever if that fails"],
  ["rt_sigprocmask", "does not fail; Go's runtime goes on with broken stacks of signals"],
  ["munmap", "the kernel's own error means a broken program"],
]);

/** Without these nothing can be said at all: they fail alone, but not always. */
const speaking: ReadonlySet<string> = new Set(["write"]);

const descriptors =
  /^(open|openat|socket|socketpair|pipe2?|dup[23]?|accept4?|eventfd2|epoll_create1?|inotify_init1?|fcntl)$/;
const memory = /^(mmap|mremap|brk|clone3?|mprotect|madvise)$/;
const watches = /^(epoll_ctl|inotify_add_watch)$/;

/** The error that the kernel most likely answers to a call. */
export function likelyErrno(call: string): string {
  if (descriptors.test(call)) return "EMFILE";
  if (memory.test(call)) return "ENOMEM";
  if (watches.test(call)) return "ENOSPC";
  return "EIO";
}

/** What a sandbox answers to a call that it forbids. */
const forbidden = "EPERM";

/**
 * The faults for the calls of a recorded run: the first calls of each thread and its last one fail alone, and then
 * every call from the beginning of each phase on in which the run made any.
 * @param depth how many of the first
 * @param wanted only these calls
 */
export function planFaults(
  calls: readonly TracedCall[],
  times: PhaseTimes,
  depth: number,
  wanted: (call: string) => boolean,
): Fault[] {
  const byName = groups(
    calls.filter(({ name }) => !leftOut.has(name) && wanted(name)),
    ({ name }) => name,
  );
  return [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1)).flatMap(faultsOf);

  function faultsOf([call, made]: [string, TracedCall[]]): Fault[] {
    const errno = likelyErrno(call);
    const number = made[0]?.number ?? -1;
    const threads = [...groups(made, ({ thread }) => thread).values()];
    const most = Math.max(...threads.map(({ length }) => length));
    const numbers = new Set([
      ...Array.from({ length: Math.min(depth, most) }, (_, i) => i + 1),
      most,
    ]);
    const alone = [...numbers].map((nth): Fault => {
      const first = Math.min(...threads.flatMap((thread) => thread[nth - 1]?.at ?? []));
      return { call, number, errno, nth, phase: phaseAt(times, first), by: "strace" };
    });
    if (speaking.has(call)) return alone;
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
