import { printable } from "../../src/text/printable.js";
import { type Emphasis, plainStyle, type Style } from "../../src/text/style.js";
import type { BenchResult, Verdict } from "./result.js";
import { rows } from "./rows.js";
import { failureSentences, noiseSentence, notes } from "./sentences.js";

const emphasisOf: Readonly<Record<Verdict, Emphasis>> = {
  better: "green",
  worse: "red",
  undecided: "dim",
  "too few rounds": "dim",
};

/** The result as a table for a terminal, with what it means below. */
export function formatTable(result: BenchResult, style: Style = plainStyle): string {
  const lines = rows(result);
  const titleWidth = widest(lines.map(({ title }) => title));
  const widths = result.programs.map(({ name }, column) => ({
    figure: Math.max(name.length, widest(lines.map(({ cells }) => cells[column]?.figure ?? ""))),
    ratio: widest(lines.map(({ cells }) => cells[column]?.ratio ?? "")),
  }));
  const heading = [
    "".padEnd(titleWidth),
    ...result.programs.flatMap(({ name }, column) => [
      name.padStart(widths[column]?.figure ?? 0),
      ...padded("", widths[column]?.ratio),
    ]),
    "ffi/exec",
  ].join("  ");
  return `${[
    style("bold", heading),
    style("dim", "─".repeat(heading.length)),
    ...lines.map(({ title, cells, ffiToExec }) =>
      [
        title.padEnd(titleWidth),
        ...cells.flatMap(({ figure, ratio, verdict }, column) => [
          figure.padStart(widths[column]?.figure ?? 0),
          ...padded(ratio, widths[column]?.ratio).map((text) =>
            verdict === null ? text : style(emphasisOf[verdict], text),
          ),
        ]),
        ffiToExec.padStart("ffi/exec".length),
      ]
        .join("  ")
        .trimEnd(),
    ),
    "",
    ...notes.map((note) => style("dim", note)),
    noiseSentence(result.noise),
    ...failureSentences(result).map((sentence) => style("yellow", printable(sentence))),
  ].join("\n")}\n`;
}

/** Nothing where the column has no width: upstream has no ratios. */
function padded(text: string, width = 0): string[] {
  return width === 0 ? [] : [text.padStart(width)];
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}
