/** A tunnel that this process must not leave behind. */
interface Abandonable {
  readonly ended: Promise<unknown>;
  abandon(): void;
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

// Of the process, as its signals and its end are: one module for all tunnels.
const held = new Set<Abandonable>();

/**
 * Lets no tunnel outlive this process: when it ends by process.exit, an uncaught error, or a signal,
 * the tunnel is abandoned. Nothing is hooked while there is no tunnel. A signal for which the program
 * has a listener of its own is the program's matter.
 */
export function holdUntilProcessEnd(tunnel: Abandonable): void {
  if (held.size === 0) hook();
  held.add(tunnel);
  void tunnel.ended.then(() => {
    held.delete(tunnel);
    if (held.size === 0) unhook();
  });
}

function hook(): void {
  process.on("exit", abandonAll);
  for (const signal of signals) process.on(signal, endBySignal);
}

function unhook(): void {
  process.removeListener("exit", abandonAll);
  for (const signal of signals) process.removeListener(signal, endBySignal);
}

function abandonAll(): void {
  for (const tunnel of held) tunnel.abandon();
}

function endBySignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  abandonAll();
  unhook();
  process.kill(process.pid, signal);
}
