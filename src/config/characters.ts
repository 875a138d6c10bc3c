/** A character that is in a line but cannot be seen there. */
export interface InvisibleCharacter {
  /** Its index in the line. */
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
 * Finds the first character before a line's comment that cannot be seen and that wg(8) does not count as
 * white space. Such characters get into a file that is copied from a web page or a word processor.
 */
export function invisibleCharacter(line: string): InvisibleCharacter | undefined {
  const [content = ""] = line.split("#", 1);
  const found = /(?![\t-\r ])[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}]/u.exec(content);
  if (found === null) return undefined;
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return {
    at: found.index,
    name: `${names.get(found[0]) ?? "an invisible character"} (U+${code})`,
  };
}

/** Reports whether a text is UTF-16 that was read as UTF-8: every second character is a NUL. */
export function isUtf16(text: string): boolean {
  const start = text.startsWith("\ufffd\ufffd") ? 2 : 0; // its byte order mark
  return /^(?:[^\0]\0[^\0]\0|\0[^\0]\0[^\0])/.test(text.slice(start, start + 4));
}

/** What is said of such a text. */
export const utf16 = {
  problem: "this file is UTF-16",
  expected: "UTF-8 without a byte order mark",
};
