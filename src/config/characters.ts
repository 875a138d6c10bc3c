/** What stands in a line and is not seen there. */
export interface UnseenCharacter {
  /** An index into the line. */
  readonly at: number;
  /** "a no-break space (U+00A0)" */
  readonly name: string;
}

const names: ReadonlyMap<string, string> = new Map([
  ["\0", "a NUL"],
  ["\xa0", "a no-break space"],
  ["\u202f", "a narrow no-break space"],
  ["\u200b", "a zero-width space"],
  ["\ufeff", "a byte order mark"],
]);

/**
 * The first character of a line, before its comment, that is not seen and no white space to wg(8): it
 * comes along when a file is copied from a web page or a word processor.
 */
export function unseenCharacter(line: string): UnseenCharacter | undefined {
  const [said = ""] = line.split("#", 1);
  const found = /(?![\t-\r ])[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}]/u.exec(said);
  if (found === null) return undefined;
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return { at: found.index, name: `${names.get(found[0]) ?? "a character not seen"} (U+${code})` };
}

/** Whether a text is UTF-16 that was read as UTF-8: each other character is a NUL. */
export function isUtf16(text: string): boolean {
  const start = text.startsWith("\ufffd\ufffd") ? 2 : 0; // its byte order mark
  return /^(?:[^\0]\0[^\0]\0|\0[^\0]\0[^\0])/.test(text.slice(start, start + 4));
}
