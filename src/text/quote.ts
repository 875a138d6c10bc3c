import { types } from "node:util";
import { escapeJson, unicodeEscapes } from "./printable.js";
import { redact } from "./redact.js";

/** Longest quotation in a message, in characters. */
const maxQuoted = 60;

/** Spaces that look like one. */
const oddSpaces = /(?! )\p{Zs}/gu;

/**
 * Quotes a text in a message for people: at most 60 characters of it, what could be a key hidden, and
 * with an escape in place of each character that a terminal would obey or not show.
 */
export function quote(text: string, most = maxQuoted): string {
  const quoted = JSON.stringify(redact(text).slice(0, most));
  return escapeJson(quoted).replace(oddSpaces, unicodeEscapes);
}

/** Says what a value is, where another was expected: texts and numbers as they are, of all else the kind. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : kindOf(value);
    default:
      return String(value);
  }
}

/** Told without instanceof, which fails for what another realm has made. */
function kindOf(value: object): string {
  if (Array.isArray(value)) return "an array";
  if (types.isPromise(value)) return "a promise, not what it resolves with";
  if (types.isAnyArrayBuffer(value) || types.isArrayBufferView(value)) return "a buffer";
  return "an object";
}

/** Writes a number with its noun: "1 peer", "2 peers". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
