import type { Diagnostic } from "../../config/diagnostic.js";
import { printable } from "../../text/printable.js";
import { color, withoutColor } from "../color.js";
import { showableLine } from "./line.js";

/**
 * Each mistake as compilers write it: file, line, column and problem, then the line itself with a caret
 * below the place. What could be a key is not in it.
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
  return colored ? formatted : withoutColor(formatted);
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
