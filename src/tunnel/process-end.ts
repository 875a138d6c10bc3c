/** What this process must not leave behind. */
export interface Held {
  /** Ends it at once and without waiting, as far as that goes. */
  abandon: () => void;
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

// Of the process, as its signals and its end are: one set for all tunnels.
const holding = new Set<Held>();

/**
 * Lets what is held not outlive this process: when that ends by process.exit, an uncaught error, or a
 * signal, it is abandoned. Nothing is hooked while nothing is held. A signal for which the program has
 * a listener of its own is the program's matter. Returns what lets go again.
 */
export function holdUntilProcessEnd(held: Held): () => void {
  const first: typeof hold | undefined = Reflect.get(globalThis, firstCopy);
  if (first !== undefined) return first(held);
  Object.defineProperty(globalThis, firstCopy, { value: hold });
  return hold(held);
}

/**
 * Under it the first copy of this package offers its hold to all others: if each listened for signals, each
 * would take the other's listener for the program's own, and no signal would end the process.
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
  // First of all listeners: a "once" of the program's that has run is no longer counted.
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
      // The process is ending: there is nobody left to tell, and the others have to be abandoned too.
    }
  }
}

function endBySignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  abandonAll();
  unhook();
  process.kill(process.pid, signal);
}
