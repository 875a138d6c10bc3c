/** What could be observed of a run under a fault. */
export interface Observation {
  /** How often the fault was injected. */
  readonly injected: number;
  /** "not begun": Node.js itself could not start. */
  readonly start: "ready" | "refused" | "hung" | "not begun";
  /** The program or its tunnel ended before it was stopped. */
  readonly endedEarly: boolean;
  /** The exit code and signal of the process; null if it has not ended. */
  readonly code: number | null;
  readonly signal: string | null;
  /** What the program reported: log lines at error level, error messages, standard error. */
  readonly said: readonly string[];
  /** The errors of steps between start and stop. */
  readonly troubles: readonly string[];
  /** The steps that got no answer in time. */
  readonly hung: readonly string[];
  /** How many faults a second were injected while the program had nothing to do. */
  readonly idleRate: number;
  /** What is still there after the end: interface, socket, process, descriptors. */
  readonly left: readonly string[];
}

export const outcomes = [
  "works",
  "refused",
  "ended",
  "NOT MET",
  "LEAK",
  "HANG",
  "SPIN",
  "SILENT",
  "PANIC",
  "CRASH",
] as const;

/**
 * works: every step worked. refused: something failed with a sentence or an errno, and the rest works. ended: the
 * program ended and said why. NOT MET: the program did not make the call this time. LEAK: something is left. HANG: a
 * step got no answer. SPIN: the program retries without a pause. SILENT: it failed without saying why. PANIC: Go code
 * panicked. CRASH: Go's runtime, libc or Node.js ended the process because it could not continue.
 */
export type Outcome = (typeof outcomes)[number];

/** What none of our programs may do. */
export const forbiddenOutcomes: readonly Outcome[] = ["LEAK", "HANG", "SPIN", "SILENT", "PANIC"];

/** Faults a second. A process that spins fails some thousand times a second under strace; with pauses, four times. */
const spinning = 100;

const crash =
  /^(panic|fatal error|futexwakeup |runtime: |SIG[A-Z]+: |FATAL ERROR)|Assertion .* failed|node:internal/;

/** Returns the outcome of a run: the worst that was observed. */
export function outcomeOf(seen: Observation): Outcome {
  if (seen.start === "not begun") return "NOT MET";
  if (seen.said.some((line) => line.startsWith("panic: "))) return "PANIC";
  if (isCrash(seen)) return "CRASH";
  if (seen.left.some((item) => !isAnnounced(item, seen.said))) return "LEAK";
  const waits = cannotAccept(seen.said);
  if (seen.start === "hung" && !waits) return "HANG";
  if (seen.hung.some((step) => withoutSocket.has(step) || !waits)) return "HANG";
  if (seen.injected === 0) return "NOT MET";
  if (seen.idleRate > spinning) return "SPIN";
  if (seen.start === "refused") return seen.said.length > 0 ? "refused" : "SILENT";
  if (seen.endedEarly) return seen.said.length > 0 ? "ended" : "SILENT";
  if (seen.troubles.length + seen.hung.length + seen.left.length === 0) return "works";
  return seen.said.length > 0 ? "refused" : "SILENT";
}

/** Whether the program reported that an item is left: the kernel refuses to remove it, and there is no other way. */
function isAnnounced(item: string, said: readonly string[]): boolean {
  return said.some((line) => line.includes(` ${item} `) && / (is|may be) left\b/.test(line));
}

/** The steps that do not use the UAPI socket. */
const withoutSocket: ReadonlySet<string> = new Set(["stopping", "exiting"]);

/**
 * Whether the program reported that it cannot accept clients and keeps trying. Clients then wait in the socket's queue,
 * each until its own deadline, which bridges a full descriptor table.
 */
function cannotAccept(said: readonly string[]): boolean {
  return said.some((line) => line.includes("cannot accept a connection, and tries again"));
}

/** The exit codes of our programs, and 127, the dynamic loader's. Go's runtime exits with 2. */
const exits: ReadonlySet<number> = new Set([0, 1, 127]);

function isCrash({ code, signal, said }: Observation): boolean {
  if (signal !== null || (code !== null && !exits.has(code))) return true;
  return crashLine(said) !== undefined;
}

/** Returns the line in which a program or its runtime reports a crash. */
export function crashLine(said: readonly string[]): string | undefined {
  return said.find((line) => crash.test(line));
}
