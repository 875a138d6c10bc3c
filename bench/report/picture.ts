import type { Bench } from "../bench.js";
import type { Result } from "../result.js";
import { chartSize, drawBars } from "./bar-chart.js";
import { legCharts, legend } from "./charts.js";
import { markup } from "./markup.js";
import { chartStyle } from "./page-style.js";
import { verdict } from "./rows.js";

// All in units of the viewBox.
const margin = 24;
const titleHeight = 24;
const headHeight = 64;

/** The result as one SVG picture, for a page that shows it as an image. */
export function renderPicture(bench: Bench, result: Result): string {
  // Two columns, row by row.
  let [y, bottom, right] = [headHeight, headHeight, 0];
  const drawn = legCharts(bench, result)
    .flatMap(({ charts }) => charts)
    .map((chart, index) => {
      const { width, height } = chartSize(chart);
      if (index % 2 === 0) y = bottom + margin;
      bottom = Math.max(bottom, y + titleHeight + height);
      const x = margin + (index % 2) * (width + 2 * margin);
      right = Math.max(right, x + width);
      return markup`<text class="chart-title" x="${x}" y="${y + 12}">${chart.title}</text>
<svg x="${x}" y="${y + titleHeight}" width="${width}" height="${height}">${drawBars(chart)}</svg>
`;
    });
  const [width, height] = [right + margin, bottom + margin];
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>${chartStyle}
svg .chart-title { font-weight: 600; font-size: 14px; } svg .head { font-weight: 600; font-size: 17px; }
.page { fill: var(--page); }</style>
<rect class="page" width="${width}" height="${height}"/>
<text class="head" x="${margin}" y="${margin + 14}">${verdict(bench, result)}</text>
${legend(result).map(
  ({ name, box }, index) =>
    markup`<g transform="translate(${margin + index * 110} ${margin + 28})">${box}<text x="18" y="10">${name}</text></g>\n`,
)}
${drawn}
</svg>
`.text;
}
