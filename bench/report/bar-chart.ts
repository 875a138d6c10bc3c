import { type Markup, markup } from "./markup.js";

/** One bar. */
export interface Bar {
  /** The program that it belongs to, such as "ffi". */
  readonly series: string;
  /** The class that gives it its colour. */
  readonly colour: string;
  /** Its length. null: the figure is not known. */
  readonly value: number | null;
  /** The figure as text, with its unit. */
  readonly label: string;
  /** The samples behind the figure, each shown as a dot. */
  readonly samples?: readonly number[];
}

/** Bars that belong together. */
export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

/** A chart of horizontal bars. */
export interface BarChart {
  readonly title: string;
  readonly groups: readonly BarGroup[];
  /** The value at the right edge. */
  readonly maximum: number;
  readonly unit: string;
}

// All in units of the viewBox.
const width = 520;
const minimumLeft = 112;
const minimumRight = 96;
/** The width of an average character. */
const letter = 6.5;
const barHeight = 14;
const barGap = 2;
const groupGap = 14;
const axis = 24;

/** The size of a chart in units of its viewBox. */
export function chartSize({ groups }: BarChart): {
  readonly width: number;
  readonly height: number;
} {
  const bars = groups.reduce(
    (height, { bars }) => height + bars.length * (barHeight + barGap) - barGap + groupGap,
    0,
  );
  return { width, height: bars + axis };
}

/** Draws a chart as SVG, with its figures as text and as one sentence for a screen reader. */
export function drawBars(chart: BarChart): Markup {
  const { title, groups, maximum, unit } = chart;
  const left = roomFor(
    groups.map(({ label }) => label),
    minimumLeft,
  );
  const right = roomFor(
    groups.flatMap(({ bars }) => bars.map(({ label }) => label)),
    minimumRight,
  );
  const scale = (width - left - right) / (maximum || 1);
  let y = groupGap / 2;
  const drawn = groups.map(({ label, bars }) => {
    const top = y;
    y += bars.length * (barHeight + barGap) - barGap + groupGap;
    return drawGroup(label, bars, top, left, scale);
  });
  const { height } = chartSize(chart);
  const bottom = height - axis;
  const ticks = ticksUpTo(maximum).map((tick) => drawTick(tick, left + tick * scale, bottom));
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${spoken(title, groups)}">
${ticks}
${drawn}
<line class="axis" x1="${left}" x2="${left}" y1="0" y2="${bottom}"/>
<text class="tick" x="${width}" y="${bottom + 16}" text-anchor="end">${unit}</text>
</svg>
`;
}

/** The width of a margin for texts, estimated by their number of characters. */
function roomFor(texts: readonly string[], minimum: number): number {
  const longest = Math.max(0, ...texts.map((text) => text.length));
  return Math.min(width * 0.42, Math.max(minimum, Math.ceil(longest * letter) + 16));
}

/** Returns at most six round numbers, from 0 to at most `maximum`. */
export function ticksUpTo(maximum: number): number[] {
  if (!(maximum > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(maximum / 5));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => maximum / size <= 5) ?? maximum;
  const count = Math.floor(maximum / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

function drawGroup(label: string, bars: readonly Bar[], top: number, left: number, scale: number) {
  const middle = top + (bars.length * (barHeight + barGap) - barGap) / 2;
  return markup`<text class="group" x="${left - 8}" y="${middle}" dy="0.35em" text-anchor="end">${label}</text>
${bars.map((bar, index) => drawBar(bar, label, left, top + index * (barHeight + barGap), scale))}`;
}

function drawBar(bar: Bar, group: string, left: number, y: number, scale: number): Markup {
  const { series, colour, value, label, samples = [] } = bar;
  const along = (size: number) => Math.round(size * scale * 10) / 10;
  const [length, middle] = [along(value ?? 0), y + barHeight / 2];
  const end = left + Math.max(length, ...samples.map(along)) + 6;
  return markup`<g><title>${group}, ${series}: ${label}</title>
<rect class="${colour}" x="${left}" y="${y}" width="${length}" height="${barHeight}" rx="2"/>
${samples.map((sample) => markup`<circle class="sample" cx="${left + along(sample)}" cy="${middle}" r="2.5"/>`)}
<text class="figure" x="${end}" y="${middle}" dy="0.35em">${label}</text></g>
`;
}

function drawTick(tick: number, x: number, bottom: number): Markup {
  const place = Math.round(x * 10) / 10;
  return markup`<line class="grid" x1="${place}" x2="${place}" y1="0" y2="${bottom}"/>
<text class="tick" x="${place}" y="${bottom + 16}" text-anchor="middle">${tick}</text>
`;
}

function spoken(title: string, groups: readonly BarGroup[]): string {
  const figures = groups.map(({ label, bars }) => {
    const values = bars.map((bar) => `${bar.series} ${bar.label}`).join(", ");
    return label === "" ? values : `${label}: ${values}`;
  });
  return `${title}. ${figures.join("; ")}.`;
}
