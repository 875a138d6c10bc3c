import { createCipheriv, createHash } from "node:crypto";
import { Readable } from "node:stream";

/** Whether there is time for what only a release is tested with. */
export const isLong = process.env.WG_BRIDGE_LONG === "1";

/** What a long transfer carries, in bytes. */
export const longTransfer = (isLong ? 1024 : 256) << 20;

/** Returns so many bytes that look like random ones, always the same. */
export function bytes(size: number): Readable {
  const zeros = Buffer.alloc(1 << 18);
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  let left = size;
  return new Readable({
    read() {
      const length = Math.min(left, zeros.length);
      left -= length;
      this.push(length === 0 ? null : cipher.update(zeros.subarray(0, length)));
    },
  });
}

/** Resolves with the SHA-256 of all that a stream carries. */
export async function sum(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of stream) hash.update(piece);
  return hash.digest("hex");
}
