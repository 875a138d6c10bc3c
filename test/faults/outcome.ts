/** What a run under a fault looked like from outside. */
export interface Observation {
  /** How often the fault was injected. */
  readonly injected: number;
  /** not begun: Node.js itself could not start. */
  readonly start: "ready" | "refused" | "hung" | "not begun";
  /** The program ended, or its tunnel did, before it was asked to. */
  readonly endedEarly: boolean;
  /** The exit code and signal of the process once it ended; null before. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Lines at error level, messages of errors and ends, what went to standard error. */
  readonly said: readonly string[];
  /** What the steps between start and stop met: an errno or an error's message. */
  readonly troubles: readonly string[];
  /** A step got no answer in time. */
  readonly hung: readonly string[];
  /** How many faults a second were injected while nothing was asked of the program. */
  readonly idleRate: number;
  /** Interface, socket, process and descriptors that are still there after the end. */
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
 * works: everything did. refused: with a sentence or an errno, and the rest works. ended: with its reason. NOT MET:
 * the program did not make the call this time. SPIN: it fails and fails without a pause. PANIC: in Go code.
 * CRASH: Go's runtime, libc or Node.js ends the process, as it cannot go on.
 */
export type Outcome = (typeof outcomes)[number];

/** What none of our programs may do. */
export const forbiddenOutcomes: readonly Outcome[] = ["LEAK", "HANG", "SPIN", "SILENT", "PANIC"];

/** A process that spins under strace fails some thousand times a second; the pauses allow four. */
const spinning = 100;

const crash =
  /^(panic|fatal error|futexwakeup |runtime: |SIG[A-Z]+: |FATAL ERROR)|Assertion .* failed|node:internal/;

/** What a run comes to; the worst that it did. */
export function outcomeOf(seen: Observation): Outcome {
  if (seen.start === "not begun") return "NOT MET";
  if (seen.said.some((line) => line.startsWith("panic: "))) return "PANIC";
  if (isCrash(seen)) return "CRASH";
  if (seen.left.some((item) => !isAnnounced(item, seen.said))) return "LEAK";
  if (seen.start === "hung") return "HANG";
  if (seen.hung.some((step) => ofProgram.has(step) || !acceptsNobody(seen.said))) return "HANG";
  if (seen.injected === 0) return "NOT MET";
  if (seen.idleRate > spinning) return "SPIN";
  if (seen.start === "refused") return seen.said.length > 0 ? "refused" : "SILENT";
  if (seen.endedEarly) return seen.said.length > 0 ? "ended" : "SILENT";
  if (seen.troubles.length + seen.hung.length + seen.left.length === 0) return "works";
  return seen.said.length > 0 ? "refused" : "SILENT";
}

/** Whether a line says that it is left: the kernel refuses to remove it, and there is no other way. */
function isAnnounced(item: string, said: readonly string[]): boolean {
  return said.some((line) => line.includes(` ${item} `) && / (is|may be) left\b/.test(line));
}

/** The steps that ask nothing of the UAPI socket. */
const ofProgram: ReadonlySet<string> = new Set(["stopping", "exiting"]);

/**
 * Whether a line says that no client can be accepted, and that it goes on trying. Clients wait in the socket's
 * queue then, each until its own deadline: that is how a full descriptor table passes.
 */
function acceptsNobody(said: readonly string[]): boolean {
  return said.some((line) => line.includes("cannot accept a connection, and tries again"));
}

/** With which codes our programs end; 127 is the dynamic loader's. Go's runtime ends a process with 2. */
const exits: ReadonlySet<number> = new Set([0, 1, 127]);

function isCrash({ code, signal, said }: Observation): boolean {
  if (signal !== null || (code !== null && !exits.has(code))) return true;
  return crashLine(said) !== undefined;
}

/** The line in which a program or its runtime says that it dies. */
export function crashLine(said: readonly string[]): string | undefined {
  return said.find((line) => crash.test(line));
}
