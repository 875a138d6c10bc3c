import { keyBytes } from "../values/key.js";

/** How many keys share one buffer: a buffer for each would cost more than reading it. */
const keysPerBuffer = 64;

/** Where the secret keys of one message are kept. Each place is given to one key, for good. */
export class SecretStore {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;

  /** Makes the next place: the 32 bytes of `buffer` from `start` on. */
  advance(): void {
    this.start += keyBytes;
    if (this.start + keyBytes <= this.buffer.length) return;
    this.buffer = Buffer.alloc(keysPerBuffer * keyBytes);
    this.start = 0;
  }
}
