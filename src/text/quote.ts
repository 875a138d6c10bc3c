import { types } from "node:util";
import { escapeJson, unicodeEscapes } from "./printable.js";
import { redact } from "./redact.js";

/** The maximum length of a quotation in a message, in characters. */
const maxQuoted = 60;

/** Spaces other than " ", which look like it. */
const oddSpaces = /(?! )\p{Zs}/gu;

/**
 * Quotes a text in a message for people: at most 60 characters of it, with whatever could be a key hidden,
 * and with escapes for characters that a terminal obeys or hides.
 */
export function quote(text: string, maximum = maxQuoted): string {
  const quoted = JSON.stringify(redact(text).slice(0, maximum));
  return escapeJson(quoted).replace(oddSpaces, unicodeEscapes);
}

/** Describes a value where another was expected: strings are quoted, numbers printed, others named by kind. */
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

/** Does without instanceof, which fails for objects of another realm. */
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

/** Quotes a word in a command that a message advises, if shells need it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
