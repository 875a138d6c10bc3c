const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Returns a text as it can be written to a terminal: what a terminal obeys, or hides, is shown as its code
 * ("\x1b", "\u202e"), line breaks included. The text may be one that others chose.
 */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
  });
}

/** The same for a text of several lines, which stay lines. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Writes a value as JSON for programs, indented or in one line, with a last line break, and printable. */
export function printableJson(value: unknown, layout: "indented" | "line" = "indented"): string {
  return `${escapeJson(JSON.stringify(value, null, layout === "indented" ? 2 : 0))}\n`;
}

/** Escapes in JSON what a terminal obeys or hides, as JSON escapes it. Line breaks between values stay. */
export function escapeJson(json: string): string {
  return json.replace(obeyed, (character) =>
    character === "\n" ? character : unicodeEscapes(character),
  );
}

/** Writes each UTF-16 code unit of a text as JSON's escape: "\u00a0". */
export function unicodeEscapes(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
