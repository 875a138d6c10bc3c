/** One line of a configuration file, with all that it takes to write it back as it was. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** The whole line, without its end. */
  readonly text: string;
  /** "\n", "\r\n", or "" at the end of a file that has none. */
  readonly end: string;
  readonly content: LineContent;
}

export type LineContent =
  | { readonly kind: "blank" }
  | { readonly kind: "section"; readonly name: string; readonly at: number }
  | {
      readonly kind: "field";
      readonly key: string;
      readonly value: string;
      readonly at: number;
      readonly valueAt: number;
    }
  | { readonly kind: "unreadable"; readonly at: number };

/**
 * Cuts a file into lines. A "#" begins a comment anywhere, as for wg(8) and wg-quick(8). Places are
 * indices into the line.
 */
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

function readContent(line: string): LineContent {
  const comment = line.indexOf("#");
  const said = (comment === -1 ? line : line.slice(0, comment)).trimEnd();
  const trimmed = said.trimStart();
  if (trimmed === "") return { kind: "blank" };
  const at = said.length - trimmed.length;
  if (trimmed.startsWith("[") && trimmed.endsWith("]")) {
    return { kind: "section", name: trimmed.slice(1, -1), at };
  }
  const equals = trimmed.indexOf("=");
  if (equals === -1 || trimmed.startsWith("[")) return { kind: "unreadable", at };
  const afterEquals = trimmed.slice(equals + 1);
  const value = afterEquals.trimStart();
  const valueAt = at + equals + 1 + (afterEquals.length - value.length);
  return { kind: "field", key: trimmed.slice(0, equals).trimEnd(), value, at, valueAt };
}
