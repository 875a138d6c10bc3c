import { say } from "../say.js";

/** How many messages are kept while a live view covers the terminal. */
const kept = 6;

/** What a running command says: on standard error, or while a live view covers that, in the view. */
export class Messages {
  #held: readonly string[] | undefined;

  readonly say = (message: string): void => {
    if (this.#held === undefined) say(message);
    else this.#held = [...this.#held, message].slice(-kept);
  };

  /** The latest messages that were not printed. */
  get held(): readonly string[] {
    return this.#held ?? [];
  }

  /** Prints nothing more until the result is disposed of, which prints the latest. */
  hold(): Disposable {
    this.#held = [];
    return {
      [Symbol.dispose]: () => {
        const { held } = this;
        this.#held = undefined;
        held.forEach(say);
      },
    };
  }
}
