import { PresharedKey, PrivateKey } from "../../src/values/key.js";

/** A copy with each secret key as text, to compare by: inspect and deepEqual do not see inside one. */
export function reveal(value: unknown): unknown {
  if (value instanceof PrivateKey || value instanceof PresharedKey) return value.toBase64();
  if (value instanceof Date || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reveal);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}
