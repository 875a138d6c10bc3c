/** Something that this process must not leave behind. */
export interface Held {
  /** Ends it at once, as far as that is possible without waiting. */
  abandon: () => void;
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

// Module-level because signals and the end of the process are, too: one set for all tunnels.
const holding = new Set<Held>();

/**
 * Keeps `held` from outliving this process: when the process ends by process.exit, an uncaught error or a
 * signal, `held` is abandoned. While nothing is held, there are no listeners. A signal for which the program
 * has a listener of its own is left to the program. Returns a function that releases `held`.
 */
export function holdUntilProcessEnd(held: Held): () => void {
  const first: typeof hold | undefined = Reflect.get(globalThis, firstCopy);
  if (first !== undefined) return first(held);
  Object.defineProperty(globalThis, firstCopy, { value: hold });
  return hold(held);
}

/**
 * The property of globalThis in which the first copy of this package offers its `hold` to the others. If each
 * copy listened for signals, each would mistake the others' listeners for the program's, and no signal would
 * end the process.
 */
const firstCopy = Symbol.for("wg-bridge.holdUntilProcessEnd");

function hold(held: Held): () => void {
  if (holding.size === 0) hook();
  holding.add(held);
  return () => {
    if (holding.delete(held) && holding.size === 0) unhook();
  };
}

function hook(): void {
  process.on("exit", abandonAll);
  // Prepended: a "once" listener of the program that ran first would no longer be counted.
  for (const signal of signals) process.prependListener(signal, endBySignal);
}

function unhook(): void {
  process.removeListener("exit", abandonAll);
  for (const signal of signals) process.removeListener(signal, endBySignal);
}

function abandonAll(): void {
  for (const held of holding) {
    try {
      held.abandon();
    } catch {
      // The process is ending: nobody could handle the error, and the others have to be abandoned too.
    }
  }
}

function endBySignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  abandonAll();
  unhook();
  process.kill(process.pid, signal);
}
