const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Makes a text, which others may have chosen, safe for a terminal: replaces characters that a terminal obeys
 * or hides, including line breaks, by their codes ("\x1b", "\u202e").
 */
export function printable(text: string): string {
  return text.replace(controls, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
  });
}

/** Does the same for each line of a text. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Formats a value as JSON that is safe for a terminal, indented or on one line, with a line break at the end. */
export function printableJson(value: unknown, layout: "indented" | "line" = "indented"): string {
  return `${escapeJson(JSON.stringify(value, null, layout === "indented" ? 2 : 0))}\n`;
}

/** Replaces characters that a terminal obeys or hides by JSON's escapes, except line breaks. */
export function escapeJson(json: string): string {
  return json.replace(controls, (character) =>
    character === "\n" ? character : unicodeEscapes(character),
  );
}

/** Replaces each UTF-16 code unit by JSON's escape: "\u00a0". */
export function unicodeEscapes(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
