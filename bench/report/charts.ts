import type { Bench } from "../bench.js";
import type { FigureResult, ProgramResult, Result } from "../result.js";
import type { BarChart } from "./bar-chart.js";
import { type Markup, markup } from "./markup.js";
import { cell } from "./rows.js";

/** The charts of one leg. */
export interface LegCharts {
  readonly title: string;
  readonly charts: readonly BarChart[];
}

/** For each leg, a chart of all figures that have the same unit: so they are to one scale. */
export function legCharts({ legs }: Bench, result: Result): LegCharts[] {
  return legs.flatMap(({ id, title }) => {
    const own = result.figures.filter(({ leg }) => leg === id);
    const kindOf = ({ unit, better }: FigureResult) =>
      `${unit === "" ? "" : `${unit}, `}${better} is better`;
    const charts = [...new Set(own.map(kindOf))].map((kind) => {
      const figures = own.filter((figure) => kindOf(figure) === kind);
      return chart(`${title}: ${kind}`, figures, result);
    });
    return charts.length === 0 ? [] : [{ title, charts }];
  });
}

function chart(title: string, figures: readonly FigureResult[], { programs }: Result): BarChart {
  const groups = figures.map((figure) => ({
    label: figure.title,
    bars: programs.map(({ name }) => {
      const own = figure.programs[name];
      const { figure: text, ratio } = cell(own, figure.unit);
      return {
        series: name,
        colour: colourOf(name, programs),
        value: own?.median ?? null,
        label: ratio === "" ? text : `${text}  ×${ratio}`,
        samples: own?.samples.filter((sample) => sample !== null) ?? [],
      };
    }),
  }));
  const samples = groups.flatMap(({ bars }) => bars.flatMap((bar) => bar.samples));
  return { title, groups, maximum: Math.max(0, ...samples), unit: figures[0]?.unit ?? "" };
}

/** The class that gives a program its colour; exec without levers is a paler exec. */
function colourOf(name: string, programs: readonly ProgramResult[]): string {
  if (name.startsWith("exec -")) return "exec without";
  if (name === "exec" || name === "ffi") return name;
  return `other-${programs.findIndex((program) => program.name === name) % 4}`;
}

/** Each program with a box in its colour. */
export function legend({ programs }: Result): { readonly name: string; readonly box: Markup }[] {
  return programs.map(({ name }) => ({
    name,
    box: markup`<rect class="${colourOf(name, programs)}" width="12" height="12" rx="2"/>`,
  }));
}
