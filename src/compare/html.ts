import { type Bar, type BarGroup, drawBars } from "./bar-chart.js";
import type { Comparison, ProgramResult } from "./comparison.js";
import { failureTexts, startUpErrors } from "./failure-text.js";
import { figure, gbit, mebibytes, milliseconds, outOf } from "./figures.js";
import { type Markup, markup } from "./markup.js";
import { pageStyle } from "./page-style.js";
import { legRows, notes, programRows, type Row } from "./rows.js";
import { verdict } from "./verdict.js";

/** The comparison as one HTML page with plots. It needs no other file and no network. */
export function renderPage(comparison: Comparison): string {
  const { machine, startedAt, repeats, programs, script } = comparison;
  const runs = repeats === 1 ? "once each" : `${repeats} times each`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>wg-bridge compare</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${programs.map((program) => program.name).join(", ")}</h1>
<p class="soft">Upstream's integration test, netns.sh, ${runs}. Begun ${startedAt}. Linux ${machine.kernel},
${machine.processors} × ${machine.processor} (${machine.architecture}), Node ${machine.node}.</p>
<p class="verdict ${comparison.passed ? "good" : "bad"}">${comparison.passed ? "✓" : "✗"} ${verdict(comparison)}</p>
${tcpSentence(comparison)}
</header>
<main>
${legend(programs)}
<div class="cards">
${programPlots(comparison)}
</div>
<h2>iperf3 through the tunnel, Gbit/s at the receiver</h2>
<div class="cards">
${legPlots(comparison)}
</div>
${failures(programs, script.steps)}
<h2>All figures</h2>
<div class="card scroll">${figureTable(comparison)}</div>
${[...notes, ...startUpErrors(comparison)].map((note) => markup`<p class="soft">${note}</p>\n`)}
</main>
</body>
</html>
`.text;
}

function tcpSentence({ tcpRatio: { ffiToExec, legs } }: Comparison): Markup {
  if (ffiToExec === null) return markup``;
  return markup`<p>ffi to exec, geometric mean of ${legs} TCP tests: <strong>${ffiToExec.toFixed(3)}</strong></p>`;
}

/** The class that gives a program its colour in every plot. */
function colourOf(program: ProgramResult, programs: readonly ProgramResult[]): string {
  return program.judged ? program.name : `other-${programs.indexOf(program) % 4}`;
}

function legend(programs: readonly ProgramResult[]): Markup {
  const entries = programs.map(
    (program) =>
      markup`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${colourOf(program, programs)}" width="12" height="12" rx="2"/></svg>${program.name}</li>\n`,
  );
  return markup`<ul class="legend">${entries}</ul>`;
}

function programPlots({ programs, script }: Comparison): Markup[] {
  const plot = (
    title: string,
    unit: string,
    value: (program: ProgramResult) => number | null,
    label: (value: number) => string,
    whole?: number | null,
  ) => {
    const groups = programs.map((program) => ({
      label: program.name,
      bars: [bar(program, programs, value(program), label)],
    }));
    return card(title, groups, unit, whole ?? most(groups));
  };
  return [
    plot(
      "Steps passed, in the worst run",
      "steps",
      (program) => program.stepsPassed,
      (steps) => outOf(steps, script.steps),
      script.steps,
    ),
    plot(
      "Peak memory",
      "MiB",
      (program) => program.peakMemoryBytes && program.peakMemoryBytes / 2 ** 20,
      (size) => `${mebibytes(size * 2 ** 20)} MiB`,
    ),
    plot(
      "Start-up, PROGRAM INTERFACE",
      "ms",
      ({ startUp }) => startUp.background.milliseconds,
      (time) => `${milliseconds(time)} ms`,
    ),
    plot(
      "Start-up, PROGRAM -f INTERFACE",
      "ms",
      ({ startUp }) => startUp.foreground.milliseconds,
      (time) => `${milliseconds(time)} ms`,
    ),
  ];
}

function legPlots(comparison: Comparison): Markup[] {
  const { programs } = comparison;
  const panels = legRows(comparison).map(({ section, legs }) => ({
    section,
    groups: legs.map((leg) => ({
      label: `${leg.transport} over ${leg.inside}`,
      bars: programs.map((program) =>
        bar(program, programs, leg.gbitPerSecond[program.name] ?? null, gbit),
      ),
    })),
  }));
  const scale = most(panels.flatMap(({ groups }) => groups));
  return panels.map(({ section, groups }) => card(section, groups, "Gbit/s", scale));
}

function bar(
  program: ProgramResult,
  programs: readonly ProgramResult[],
  value: number | null,
  label: (value: number) => string,
): Bar {
  const colour = colourOf(program, programs);
  return { series: program.name, colour, value, label: figure(value, label) };
}

function most(groups: readonly BarGroup[]): number {
  return Math.max(0, ...groups.flatMap(({ bars }) => bars.flatMap(({ value }) => value ?? [])));
}

function card(title: string, groups: readonly BarGroup[], unit: string, scale: number): Markup {
  return markup`<section class="card"><h3>${title}</h3>
${drawBars({ title, groups, unit, most: scale })}</section>
`;
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
