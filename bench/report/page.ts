import type { Bench } from "../bench.js";
import type { Result } from "../result.js";
import { machineSentence } from "../sandbox/machine.js";
import { drawBars } from "./bar-chart.js";
import { legCharts, legend } from "./charts.js";
import { type Markup, markup } from "./markup.js";
import { chartStyle, pageStyle } from "./page-style.js";
import { failureTexts, notesOf, type Row, sectionsOf, verdict } from "./rows.js";

/** The result as one HTML page. It needs no other file and no network, and forbids itself to load any. */
export function renderPage(bench: Bench, result: Result): string {
  const { programs, rounds, startedAt, machine, passed, goals } = result;
  const often = rounds === 1 ? "1 round" : `${rounds} interleaved rounds`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>wg-bridge: ${bench.name}</title>
<style>${chartStyle}${pageStyle}</style>
</head>
<body>
<header>
<h1>${programs.map(({ name }) => name).join(", ")}</h1>
<p class="soft">${bench.description} ${often}. Begun ${startedAt}. ${machineSentence(machine)}</p>
<p class="verdict ${passed ? "good" : "bad"}">${passed ? "✓" : "✗"} ${verdict(bench, result)}</p>
${goals.map(({ sentence, reached }) => markup`<p class="${reached ? "good" : "bad"}">${sentence}</p>\n`)}
</header>
<main>
<ul class="legend">${legend(result).map(
    ({ name, box }) =>
      markup`<li><svg viewBox="0 0 12 12" aria-hidden="true">${box}</svg>${name}</li>\n`,
  )}</ul>
<p class="soft">Bar: median. Dot: the sample of one round.</p>
${legCharts(bench, result).map(
  ({ title, charts }) => markup`<h2>${title}</h2>
<div class="cards">
${charts.map((chart) => markup`<section class="card"><h3>${chart.title}</h3>\n${drawBars(chart)}</section>\n`)}
</div>
`,
)}
${failures(bench, result)}
<h2>All figures</h2>
<div class="card scroll">${figureTable(bench, result)}</div>
${notesOf(bench, result).map((note) => markup`<p class="soft">${note}</p>\n`)}
</main>
</body>
</html>
`.text;
}

function failures(bench: Bench, result: Result): Markup {
  const texts = failureTexts(bench, result);
  if (texts.length === 0) return markup``;
  return markup`<h2>Failures</h2>
${texts.map(
  ({ sentence, output }) => markup`<section class="card"><p>${sentence}</p>
${output.length === 0 ? "" : markup`<pre>${output.join("\n")}</pre>`}</section>
`,
)}`;
}

function figureTable(bench: Bench, result: Result): Markup {
  const row = ({ title, cells, ffiToExec }: Row) =>
    markup`<tr><th scope="row">${title}</th>${cells.map(
      ({ figure, ratio, interval }) =>
        markup`<td>${figure}</td><td>${ratio}${interval === "" ? "" : ` (${interval})`}</td>`,
    )}<td>${ffiToExec}</td></tr>\n`;
  return markup`<table>
<thead><tr><td></td>${result.programs.map(({ name }) => markup`<th scope="col" colspan="2">${name}</th>`)}<th scope="col">ffi/exec</th></tr></thead>
${sectionsOf(bench, result).map(
  ({ title, rows }) => markup`<tbody>
<tr><th class="section" colspan="${result.programs.length * 2 + 2}" scope="rowgroup">${title}</th></tr>
${rows.map(row)}</tbody>
`,
)}</table>`;
}
