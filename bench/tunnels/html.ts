import type { BarChart } from "../report/bar-chart.js";
import { type Markup, markup } from "../report/markup.js";
import { card, legend, renderDocument } from "../report/page.js";
import { machineSentence } from "../sandbox/machine.js";
import { type Leg, legs, legTitles } from "./figures.js";
import type { BenchFigure, BenchProgram, BenchResult } from "./result.js";
import { cell, type Row, rows } from "./rows.js";
import { failureSentences, noiseSentence, notes } from "./sentences.js";

/** The result as one HTML page with plots. */
export function renderPage(result: BenchResult): string {
  const { machine, startedAt, rounds, seconds, programs } = result;
  const often = rounds === 1 ? "1 round" : `${rounds} interleaved rounds`;
  return renderDocument(
    "wg-bridge bench",
    markup`<h1>${programs.map((program) => program.name).join(", ")}</h1>
<p class="soft">${often}, ${seconds} s each time. Begun ${startedAt}. ${machineSentence(machine)}</p>
<p>${noiseSentence(result.noise)}</p>
${notes.map((note) => markup`<p class="soft">${note}</p>\n`)}
<p class="soft">Bar: median. Dot: the sample of one round.</p>`,
    markup`${legend(programs.map(({ name }) => ({ name, colour: colourOf(name, programs) })))}
${legs.map((leg) => section(leg, result))}
${failures(result)}
<h2>All figures</h2>
<div class="card scroll">${figureTable(result)}</div>`,
  );
}

/** The class that gives a program its colour; exec without levers is a paler exec. */
function colourOf(name: string, programs: readonly BenchProgram[]): string {
  if (name.startsWith("exec -")) return "exec without";
  if (name === "exec" || name === "ffi") return name;
  return `other-${programs.findIndex((program) => program.name === name) % 4}`;
}

function section(leg: Leg, { figures, programs }: BenchResult): Markup {
  const own = figures.filter((figure) => figure.leg === leg);
  if (own.length === 0) return markup``;
  return markup`<h2>${legTitles[leg]}</h2>
<div class="cards">
${own.map((figure) => card(chart(figure, own, programs)))}
</div>
`;
}

/** Rates of one leg are to one scale, so that its charts can be compared. */
function chart(
  figure: BenchFigure,
  ofLeg: readonly BenchFigure[],
  programs: readonly BenchProgram[],
): BarChart {
  const groups = programs.map(({ name }) => {
    const own = figure.programs[name];
    const { figure: text, ratio } = cell(own);
    const bar = {
      series: name,
      colour: colourOf(name, programs),
      value: own?.median ?? null,
      label: ratio === "" ? text : `${text}  ×${ratio}`,
      samples: samplesOf(figure, name),
    };
    return { label: name, bars: [bar] };
  });
  const sameScale =
    figure.unit === "Gbit/s" ? ofLeg.filter(({ unit }) => unit === "Gbit/s") : [figure];
  const samples = sameScale.flatMap((one) => programs.flatMap(({ name }) => samplesOf(one, name)));
  const title = `${figure.title} (${figure.better} is better)`;
  return { title, groups, most: Math.max(0, ...samples), unit: figure.unit };
}

function samplesOf({ programs }: BenchFigure, name: string): number[] {
  return programs[name]?.samples.filter((sample) => sample !== null) ?? [];
}

function failures(result: BenchResult): Markup {
  const sentences = failureSentences(result);
  if (sentences.length === 0) return markup``;
  return markup`<h2>What was not done</h2>
${sentences.map((sentence) => markup`<p>${sentence}</p>\n`)}`;
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
