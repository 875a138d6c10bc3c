import { type BarChart, drawBars } from "../report/bar-chart.js";
import { figure as textOf, times } from "../report/figures.js";
import { type Markup, markup } from "../report/markup.js";
import { chartStyle, pageStyle } from "../report/page-style.js";
import { formatFigure } from "./figures.js";
import type { BenchFigure, BenchProgram, BenchResult } from "./result.js";
import { type Row, rows } from "./rows.js";
import { failureSentences, noiseSentence, notes } from "./sentences.js";

/** The result as one HTML page with plots. It needs no other file and no network. */
export function renderPage(result: BenchResult): string {
  const { machine, startedAt, rounds, seconds, programs, figures } = result;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>wg-bridge bench</title>
<style>${chartStyle}${pageStyle}</style>
</head>
<body>
<header>
<h1>${programs.map((program) => program.name).join(", ")}</h1>
<p class="soft">${rounds} interleaved rounds, ${seconds} s each time. Begun ${startedAt}. Linux ${machine.kernel},
${machine.processors} × ${machine.processor} (${machine.architecture}), Node ${machine.node}.</p>
<p>${noiseSentence(result.noise)}</p>
</header>
<main>
${legend(programs)}
<div class="cards">
${figures.map((figure) => card(chart(figure, programs)))}
</div>
<h2>All figures</h2>
<div class="card scroll">${figureTable(result)}</div>
${[...notes, ...failureSentences(result)].map((note) => markup`<p class="soft">${note}</p>\n`)}
</main>
</body>
</html>
`.text;
}

function legend(programs: readonly BenchProgram[]): Markup {
  const entries = programs.map(
    ({ name }) =>
      markup`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${colourOf(name, programs)}" width="12" height="12" rx="2"/></svg>${name}</li>\n`,
  );
  return markup`<ul class="legend">${entries}</ul>`;
}

/** The class that gives a program its colour. */
function colourOf(name: string, programs: readonly BenchProgram[]): string {
  if (name === "exec" || name === "ffi") return name;
  return `other-${programs.findIndex((program) => program.name === name) % 4}`;
}

function chart(figure: BenchFigure, programs: readonly BenchProgram[]): BarChart {
  const bars = programs.map(({ name }) => {
    const own = figure.programs[name];
    const value = own?.median ?? null;
    const ratio = own?.toUpstream ? ` (×${times(own.toUpstream.median)})` : "";
    const label = `${textOf(value, formatFigure)}${ratio}`;
    return {
      label: name,
      bars: [{ series: name, colour: colourOf(name, programs), value, label }],
    };
  });
  const most = Math.max(0, ...programs.map(({ name }) => figure.programs[name]?.median ?? 0));
  const title = `${figure.title} (${figure.better} is better)`;
  return { title, groups: bars, most, unit: figure.unit };
}

function card(drawn: BarChart): Markup {
  return markup`<section class="card"><h3>${drawn.title}</h3>
${drawBars(drawn)}</section>
`;
}

function figureTable(result: BenchResult): Markup {
  const row = ({ title, cells, ffiToExec }: Row) =>
    markup`<tr><th scope="row">${title}</th>${cells.map(
      ({ figure, ratio, interval }) =>
        markup`<td>${figure}</td><td>${ratio}${interval === "" ? "" : ` (${interval})`}</td>`,
    )}<td>${ffiToExec}</td></tr>\n`;
  return markup`<table>
<thead><tr><td></td>${result.programs.map(({ name }) => markup`<th scope="col" colspan="2">${name}</th>`)}<th scope="col">ffi/exec</th></tr></thead>
<tbody>
${rows(result).map(row)}
</tbody>
</table>`;
}
