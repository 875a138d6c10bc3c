import { types } from "node:util";
import { redact } from "./redact.js";

/** Longest quotation in a message, in characters. */
const maxQuoted = 60;

/** What a terminal obeys or does not show, but for white space of ASCII: controls, marks of direction. */
const obeyed = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Spaces that look like one. */
const oddSpaces = /(?! )\p{Zs}/gu;

/**
 * Quotes a text in a message for people: at most 60 characters of it, what could be a key hidden, and
 * with an escape in place of each character that a terminal would obey or not show.
 */
export function quote(text: string, most = maxQuoted): string {
  const quoted = JSON.stringify(redact(text).slice(0, most));
  return visible(quoted).replace(oddSpaces, escapeCharacter);
}

/**
 * The text with an escape in place of each character that a terminal would obey: a path or an interface
 * may have any. Line breaks and tabs stay.
 */
export function visible(text: string): string {
  return text.replace(obeyed, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index).toString(16);
    return `\\u${unit.padStart(4, "0")}`;
  }).join("");
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
