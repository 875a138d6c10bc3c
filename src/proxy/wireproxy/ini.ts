import { skipSpace } from "../../config/lines.js";

// wireproxy reads its files with another reader than wg(8) does, go-ini, with names in any case. What differs here:
// - A comment begins with "#" or ";". A value between backticks or triple quotes may have both.
// - Quotes around a value are not part of it.
// - A colon may stand in place of the equals sign.
// - A value may go on in the next line, and may contain other values as %(name)s. Both are refused here.

/** What a line of wireproxy's file says. Places in it are indices into the line. */
export type IniContent =
  | { readonly kind: "blank" }
  | { readonly kind: "section"; readonly name: string; readonly at: number }
  | IniField
  | { readonly kind: "unreadable"; readonly at: number };

/** "Key = value" */
export interface IniField {
  readonly kind: "field";
  readonly key: string;
  readonly at: number;
  /** Without quotes and comment. */
  readonly value: string;
  readonly valueAt: number;
  /** Why the value cannot be read, and what would be right. */
  readonly wrong?: { readonly problem: string; readonly expected: string };
}

/** Returns what a line says. */
export function readIniLine(line: string): IniContent {
  const at = skipSpace(line, 0, line.length);
  const first = line[at];
  if (first === undefined || first === "#" || first === ";") return { kind: "blank" };
  if (first === "[") {
    const close = line.lastIndexOf("]");
    return close === -1
      ? { kind: "unreadable", at }
      : { kind: "section", name: line.slice(at + 1, close), at };
  }
  const delimiter = line.slice(at).search(/[=:]/);
  if (delimiter <= 0) return { kind: "unreadable", at };
  const key = line.slice(at, at + delimiter).trimEnd();
  const start = skipSpace(line, at + delimiter + 1, line.length);
  return { kind: "field", key, at, ...readValue(line.slice(start).trimEnd(), start) };
}

type Value = Pick<IniField, "value" | "valueAt" | "wrong">;

function readValue(text: string, at: number): Value {
  const mark = ['"""', "`"].find((mark) => text.startsWith(mark));
  if (mark !== undefined) return readQuoted(text, at, mark);
  if (text.endsWith("\\")) return refuse(text, at, "this line goes on in the next one", "one line");
  const value = (/^[^#;]*/.exec(text)?.[0] ?? "").trimEnd();
  const isQuoted = /^(?:"[^"]*"|'[^']*')$/.test(value);
  return checkReferences(isQuoted ? value.slice(1, -1) : value, at + (isQuoted ? 1 : 0));
}

function readQuoted(text: string, at: number, mark: string): Value {
  const end = text.lastIndexOf(mark);
  if (end >= mark.length) return checkReferences(text.slice(mark.length, end), at + mark.length);
  return refuse(
    text,
    at,
    "this value does not end in its line",
    "the closing quote in the same line",
  );
}

function checkReferences(value: string, valueAt: number): Value {
  if (!/%\([^)]+\)s/.test(value)) return { value, valueAt };
  const problem = "this value refers to another one as %(name)s, which is not supported";
  return refuse(value, valueAt, problem, "the other value in its place");
}

function refuse(value: string, valueAt: number, problem: string, expected: string): Value {
  return { value, valueAt, wrong: { problem, expected } };
}
