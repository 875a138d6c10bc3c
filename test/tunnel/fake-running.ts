import type { RunningTunnel, TunnelEnd } from "../../src/backends/backend.js";

/** A tunnel that runs nowhere, and answers every request alike. */
export class FakeRunning implements RunningTunnel {
  readonly backend = "exec";
  readonly name = "lo";
  readonly ended: Promise<TunnelEnd>;
  closes = 0;
  readonly #exchanged: () => void;
  #end: (end: TunnelEnd) => void = () => {};

  /** `exchanged` is called at each exchange. */
  constructor(exchanged: () => void = () => {}) {
    this.#exchanged = exchanged;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async exchange(): Promise<Buffer> {
    this.#exchanged();
    return Buffer.from("errno=0\n\n");
  }

  /** As if its program had been killed. */
  lose(): void {
    this.#end({ reason: "lost", message: "It was killed." });
  }

  abandon(): void {}

  async close(): Promise<void> {
    this.closes++;
    this.#end({ reason: "closed", message: "It was closed." });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
