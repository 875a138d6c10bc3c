/** How many lines of a start are kept, so that an engine that never stops logging holds no memory. */
const startLines = 1000;

/**
 * Passes the lines of an engine's log on to the listeners of its tunnel. A program can add one only after openTunnel
 * has resolved, so the lines until then wait for the next turn of the event loop.
 */
export class LogLines {
  #emit: ((line: string) => void) | undefined;
  #waiting: string[] = [];

  /** Passes a line on, or keeps it. */
  add(line: string): void {
    if (this.#emit !== undefined) this.#emit(line);
    else if (this.#waiting.length < startLines) this.#waiting.push(line);
  }

  /** Call it when the tunnel is about to be handed over. An exception of `emit` is the program's: none is caught. */
  passTo(emit: (line: string) => void): void {
    const emitLater = (line: string) => queueMicrotask(() => emit(line));
    setImmediate(() => {
      this.#emit = emitLater;
      for (const line of this.#waiting.splice(0)) emitLater(line);
    });
  }
}
