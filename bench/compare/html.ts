import { type Markup, markup } from "../report/markup.js";
import { card, legend, renderDocument } from "../report/page.js";
import { machineSentence } from "../sandbox/machine.js";
import { colourOf, legCharts, programCharts } from "./charts.js";
import type { Comparison, ProgramResult } from "./comparison.js";
import { failureTexts, startUpErrors } from "./failure-text.js";
import { legRows, notes, programRows, type Row } from "./rows.js";
import { verdict } from "./verdict.js";

/** The comparison as one HTML page with plots. It needs no other file and no network. */
export function renderPage(comparison: Comparison): string {
  const { machine, startedAt, repeats, programs, script } = comparison;
  const runs = repeats === 1 ? "once each" : `${repeats} times each`;
  return renderDocument(
    "wg-bridge compare",
    markup`<h1>${programs.map((program) => program.name).join(", ")}</h1>
<p class="soft">Upstream's integration test, netns.sh, ${runs}. Begun ${startedAt}. ${machineSentence(machine)}</p>
<p class="verdict ${comparison.passed ? "good" : "bad"}">${comparison.passed ? "✓" : "✗"} ${verdict(comparison)}</p>
${tcpSentence(comparison)}`,
    markup`${legend(programs.map((program) => ({ name: program.name, colour: colourOf(program, programs) })))}
<div class="cards">
${programCharts(comparison).map(card)}
</div>
<h2>iperf3 through the tunnel, Gbit/s at the receiver</h2>
<div class="cards">
${legCharts(comparison).map(card)}
</div>
${failures(programs, script.steps)}
<h2>All figures</h2>
<div class="card scroll">${figureTable(comparison)}</div>
${[...notes, ...startUpErrors(comparison)].map((note) => markup`<p class="soft">${note}</p>\n`)}`,
  );
}

function tcpSentence({ tcpRatio: { ffiToExec, legs } }: Comparison): Markup {
  if (ffiToExec === null) return markup``;
  return markup`<p>ffi to exec, geometric mean of ${legs} TCP tests: <strong>${ffiToExec.toFixed(3)}</strong></p>`;
}

function failures(programs: readonly ProgramResult[], steps: number | null): Markup {
  const texts = programs.flatMap((program) => failureTexts(program, steps));
  if (texts.length === 0) return markup``;
  return markup`<h2>Failures</h2>
${texts.map(
  ({ sentence, command, lastLines }) => markup`<section class="card"><p>${sentence}</p>
<p><code>${command}</code></p>
<pre>${lastLines.join("\n")}</pre></section>
`,
)}`;
}

function figureTable(comparison: Comparison): Markup {
  const { programs } = comparison;
  const row = ({ title, cells, ratio }: Row) =>
    markup`<tr><th scope="row">${title}</th>${[...cells, ratio].map((cell) => markup`<td>${cell}</td>`)}</tr>\n`;
  const section = (title: string, rows: readonly Row[]) =>
    markup`<tr><th class="section" colspan="${programs.length + 2}" scope="rowgroup">${title}</th></tr>\n${rows.map(row)}`;
  return markup`<table>
<thead><tr><td></td>${programs.map(({ name }) => markup`<th scope="col">${name}</th>`)}<th scope="col">ffi/exec</th></tr></thead>
<tbody>
${programRows(comparison).map(row)}
</tbody>
${legRows(comparison).map(({ section: name, rows }) => markup`<tbody>${section(`${name}, Gbit/s`, rows)}</tbody>\n`)}
</table>`;
}
