import { interfaceFields, peerFields } from "../../config/fields.js";

/** What stands for a character that is not shown. */
const hidden = "*";

/** Fields whose values are no keys, by their names in lower case. */
const open = new Set(
  [...interfaceFields, ...peerFields]
    .map(({ name }) => name.toLowerCase())
    .filter((name) => !name.endsWith("key")),
);

/**
 * A line of a configuration as it can be shown to anybody, as long as it was: the value of a key, of a
 * field that is not known and of a line that is none is hidden, and so is what looks like a key in
 * any other; what a terminal would obey is a space; a comment, which may hold
 * anything, is left out.
 */
export function showableLine(line: string): string {
  const [said = ""] = line.split("#", 1);
  return showable(said)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ")
    .trimEnd();
}

function showable(said: string): string {
  if (/^\s*\[[a-z ]{1,16}\]\s*$/i.test(said)) return said;
  const equals = said.indexOf("=");
  const name = said.slice(0, Math.max(equals, 0));
  // A key in base64 ends with an equals sign.
  if (!/^\s*[a-z]{1,24}\s*$/i.test(name)) return hide(said);
  const value = said.slice(equals);
  const shown = open.has(name.trim().toLowerCase()) ? value.replace(keyLike, hide) : hide(value);
  return name + shown;
}

/** No address and no port is a run of so many characters of base64, but a part of a key is. */
const keyLike = /[A-Za-z0-9+/]{16,}=*/g;

function hide(text: string): string {
  return text.replace(/[^\s=]/g, hidden);
}
