import { type BarChart, drawBars } from "./bar-chart.js";
import { type Markup, markup } from "./markup.js";
import { chartStyle, pageStyle } from "./page-style.js";

/** One HTML page. It needs no other file and no network, and forbids itself to load any. */
export function renderDocument(title: string, header: Markup, main: Markup): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${chartStyle}${pageStyle}</style>
</head>
<body>
<header>
${header}
</header>
<main>
${main}
</main>
</body>
</html>
`.text;
}

/** Which colour is whose. */
export function legend(
  entries: readonly { readonly name: string; readonly colour: string }[],
): Markup {
  return markup`<ul class="legend">${entries.map(
    ({ name, colour }) =>
      markup`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${colour}" width="12" height="12" rx="2"/></svg>${name}</li>\n`,
  )}</ul>`;
}

/** A chart below its title. */
export function card(chart: BarChart): Markup {
  return markup`<section class="card"><h3>${chart.title}</h3>
${drawBars(chart)}</section>
`;
}
