import { types } from "node:util";
import { WgBridgeError } from "../errors.js";
import { describe } from "../text/quote.js";

/** One line of a configuration file, with all that is needed to write it back unchanged. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** The whole line, without its end. */
  readonly text: string;
  /** "\n", "\r\n", or "" if the file ends without one. */
  readonly end: string;
  readonly content: LineContent;
}

/** What a line says. Places in it are indices into the line. */
export type LineContent =
  | { readonly kind: "blank" }
  | { readonly kind: "section"; readonly name: string; readonly at: number }
  | FieldContent
  | { readonly kind: "unreadable"; readonly at: number };

/** "Key = value" */
export interface FieldContent {
  readonly kind: "field";
  readonly key: string;
  readonly value: string;
  readonly at: number;
  readonly valueAt: number;
}

/** Splits a file into lines. A "#" begins a comment anywhere, as for wg(8) and wg-quick(8). */
export function readLines(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = 0, next = 0; start < text.length; start = next) {
    const newline = text.indexOf("\n", start);
    next = newline === -1 ? text.length : newline + 1;
    const returned = newline > start && text[newline - 1] === "\r";
    const stop = newline === -1 ? next : newline - (returned ? 1 : 0);
    const line = text.slice(start, stop);
    const end = text.slice(stop, next);
    lines.push({ number: lines.length + 1, text: line, end, content: readContent(line) });
  }
  return lines;
}

/** Returns what a line says. */
export function readContent(line: string): LineContent {
  const comment = line.indexOf("#");
  const stop = comment === -1 ? line.length : comment;
  const at = skipSpace(line, 0, stop);
  const end = endBeforeSpace(line, at, stop);
  if (at === end) return { kind: "blank" };
  const bracket = line[at] === "[";
  if (bracket && line[end - 1] === "]") {
    return { kind: "section", name: line.slice(at + 1, end - 1), at };
  }
  const equals = line.indexOf("=", at);
  if (equals === -1 || equals >= end || bracket) return { kind: "unreadable", at };
  const key = line.slice(at, endBeforeSpace(line, at, equals));
  const valueAt = skipSpace(line, equals + 1, end);
  return { kind: "field", key, value: line.slice(valueAt, end), at, valueAt };
}

/** Returns a name as wg(8) compares it: without white space, and in lower case if it is ASCII. */
export function plainName(name: string): string {
  return /[^\0-\x7f]/.test(name) ? name : withoutSpace(name).toLowerCase();
}

// White space is what isspace(3) and bash in the C locale count as it: ASCII only. String's own trim would
// also remove a byte order mark, which wg(8) refuses. Regular expressions that look for trailing white
// space are avoided, because they take quadratic time on a long run of spaces.

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Returns the index of the first character from start on that is not white space, or end. */
export function skipSpace(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** Returns the index at which the white space before end begins, but at least start. */
export function endBeforeSpace(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

/** Removes all white space from a text. */
export function withoutSpace(text: string): string {
  return /[\t-\r ]/.test(text) ? text.replace(/[\t-\r ]+/g, "") : text;
}

/** Splits a text at commas and white space into words, each with its index. */
export function* words(text: string): Generator<{ readonly word: string; readonly at: number }> {
  for (const match of text.matchAll(/[^\t-\r ,]+/g)) yield { word: match[0], at: match.index };
}

/** Returns the text of a configuration file, which may be given as bytes, or undefined for anything else. */
export function fileText(file: unknown): string | undefined {
  if (typeof file === "string") return file;
  if (!types.isUint8Array(file)) return undefined;
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("utf8");
}

/**
 * Returns the text of a configuration file.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if it is neither text nor bytes
 */
export function checkFileText(file: string | Uint8Array): string {
  const text = fileText(file);
  if (text !== undefined) return text;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `The configuration is ${describe(file)}: give the text of a file, or its bytes.`,
  );
}
