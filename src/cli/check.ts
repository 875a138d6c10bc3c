import { stripVTControlCharacters } from "node:util";
import type { Diagnostic } from "../config/diagnostic.js";
import { interfaceFields, peerFields } from "../config/fields.js";
import { checkConfig } from "../config/parse.js";
import { checkWireproxy, isWireproxyFile } from "../proxy/wireproxy/parse.js";
import { printable, printableJson } from "../text/printable.js";
import { argumentError, readArguments } from "./arguments.js";
import { color, wantsColor } from "./color.js";
import { readConfig } from "./read-config.js";

/** `wg-bridge check [--json] FILE`: exits 0 only if the file has no mistake. */
export async function checkCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = readArguments("check", args);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw argumentError("check", "Give one file");
  const text = await readConfig(file);
  const diagnostics = isWireproxyFile(text)
    ? checkWireproxy(text, { env, open: true, hasUsers: true, hasDns: true })
    : checkConfig(text);
  process.stdout.write(
    values.json
      ? printableJson(diagnostics)
      : formatDiagnostics(file, text, diagnostics, wantsColor(process.stdout.isTTY, env)),
  );
  return diagnostics.length === 0 ? 0 : 1;
}

/**
 * Formats each mistake as compilers do: file, line, column and what is wrong, then the line itself with a
 * caret below the place. Hides whatever could be a key.
 */
export function formatDiagnostics(
  file: string,
  text: string,
  diagnostics: readonly Diagnostic[],
  colored: boolean,
): string {
  if (diagnostics.length === 0) return `${printable(file)}: no mistakes\n`;
  const lines = text.split("\n");
  const formatted = diagnostics
    .map((diagnostic) => formatDiagnostic(file, lines[diagnostic.line - 1] ?? "", diagnostic))
    .join("");
  return colored ? formatted : stripVTControlCharacters(formatted);
}

function formatDiagnostic(
  file: string,
  line: string,
  { line: number, column, problem, expected }: Diagnostic,
): string {
  const { bold, red, reset } = color;
  const place = `${bold}${printable(file)}:${number}:${column}:${reset}`;
  const where = `${place} ${printable(problem)}; expected ${printable(expected)}`;
  const margin = `${number} | `;
  const caret = `${" ".repeat(margin.length + column - 1)}${red}^${reset}`;
  return `${where}\n${margin}${showableLine(line)}\n${caret}\n`;
}

/** The fields whose values are not keys, in lower case. */
const openFields = new Set(
  [...interfaceFields, ...peerFields]
    .map(({ name }) => name.toLowerCase())
    .filter((name) => !name.endsWith("key")),
);

/**
 * Returns a line of a configuration, at its full length, without anything secret. Asterisks replace the
 * value of a key or of an unknown field, a line that is neither a field nor a header, and anything else that
 * looks like a key. Spaces replace control characters. Comments, which can hold anything, are left out.
 */
export function showableLine(line: string): string {
  const [content = ""] = line.split("#", 1);
  return hideKeys(content)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ")
    .trimEnd();
}

function hideKeys(content: string): string {
  if (/^\s*\[[a-z ]{1,16}\]\s*$/i.test(content)) return content;
  const equals = content.indexOf("=");
  const name = content.slice(0, Math.max(equals, 0));
  // A key in base64 ends with an equals sign.
  if (!/^\s*[a-z]{1,24}\s*$/i.test(name)) return hide(content);
  const value = content.slice(equals);
  return (
    name + (openFields.has(name.trim().toLowerCase()) ? value.replace(keyLike, hide) : hide(value))
  );
}

/** Part of a key. Addresses and ports have no run of base64 characters of this length. */
const keyLike = /[A-Za-z0-9+/]{16,}=*/g;

function hide(text: string): string {
  return text.replace(/[^\s=]/g, "*");
}
