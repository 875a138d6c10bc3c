import { type BarChart, chartSize, drawBars } from "../report/bar-chart.js";
import { type Markup, markup } from "../report/markup.js";
import { chartStyle } from "../report/page-style.js";
import { colourOf, legCharts, programCharts } from "./charts.js";
import type { Comparison } from "./comparison.js";
import { verdict } from "./verdict.js";

// All in units of the viewBox.
const margin = 24;
const titleHeight = 24;
const headHeight = 64;

/** The comparison as one SVG picture, for a page that shows it as an image. */
export function renderPicture(comparison: Comparison): string {
  const charts = [...programCharts(comparison).slice(0, 2), ...legCharts(comparison)];
  const placed = placeInColumns(charts);
  const width =
    margin + Math.max(...placed.map(({ x, chart }) => x + chartSize(chart).width + margin));
  const height = Math.max(...placed.map(({ bottom }) => bottom)) + margin;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>${chartStyle}
svg .chart-title { font-weight: 600; font-size: 14px; } svg .head { font-weight: 600; font-size: 17px; }
.page { fill: var(--page); }</style>
<rect class="page" width="${width}" height="${height}"/>
<text class="head" x="${margin}" y="${margin + 14}">${verdict(comparison)}</text>
${legend(comparison)}
${placed.map(draw)}
</svg>
`.text;
}

interface Placed {
  readonly chart: BarChart;
  readonly x: number;
  readonly y: number;
  readonly bottom: number;
}

/** Two columns, row by row. */
function placeInColumns(charts: readonly BarChart[]): Placed[] {
  let y = headHeight;
  let bottom = y;
  return charts.map((chart, index) => {
    const { width, height } = chartSize(chart);
    if (index % 2 === 0) y = bottom + margin;
    bottom = Math.max(bottom, y + titleHeight + height);
    return { chart, x: margin + (index % 2) * (width + 2 * margin), y, bottom };
  });
}

function draw({ chart, x, y }: Placed): Markup {
  const { width, height } = chartSize(chart);
  return markup`<text class="chart-title" x="${x}" y="${y + 12}">${chart.title}</text>
<svg x="${x}" y="${y + titleHeight}" width="${width}" height="${height}">${drawBars(chart)}</svg>
`;
}

function legend({ programs }: Comparison): Markup {
  return markup`${programs.map(
    (program, index) => markup`<g transform="translate(${margin + index * 110} ${margin + 28})">
<rect class="${colourOf(program, programs)}" width="12" height="12" rx="2"/>
<text x="18" y="10">${program.name}</text></g>
`,
  )}`;
}
