import { printable } from "../text/printable.js";
import type { Style } from "../text/style.js";
import type { Measurements, Outcome, Transfer } from "./demonstration.js";

/** What `wg-bridge demo --json` prints. */
export interface DemoReport {
  /** Whether a backend can be used here, and all that can passed. */
  readonly passed: boolean;
  readonly backends: readonly Outcome[];
}

/** Judges the outcomes of all backends. Pure. */
export function reportOf(backends: readonly Outcome[]): DemoReport {
  const used = backends.filter(({ outcome }) => outcome !== "unavailable");
  return { passed: used.length > 0 && used.every(({ outcome }) => outcome === "passed"), backends };
}

const columns = [
  "backend",
  "open, ms",
  "requests",
  "a second",
  "down, Gbit/s",
  "up, Gbit/s",
  "moved, MiB",
  "SHA-256",
];

/** Formats a report as a table with a row for each backend. Pure. */
export function formatDemo(report: DemoReport, style: Style): string {
  const { backends, passed } = report;
  const measured = backends.map((outcome) => ("openSeconds" in outcome ? cellsOf(outcome) : []));
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...measured.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, column, widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const nameWidth = widths[0] ?? 0;
  const rows = backends.map((outcome, index) => {
    const cells = measured[index] ?? [];
    if (!("reason" in outcome)) {
      return style(outcome.outcome === "passed" ? "green" : "red", line(cells));
    }
    const isFailure = outcome.outcome === "failed";
    const said = `${isFailure ? "failed" : "cannot run here"}: ${printable(outcome.reason)}`;
    return `${outcome.backend.padEnd(nameWidth)}  ${style(isFailure ? "red" : "yellow", said)}`;
  });
  const lines = [
    "Two userspace tunnels over 127.0.0.1 on each backend, and a web server behind one of them,",
    "fetched through the other by tunnel.fetch: no root, no TUN interface, no namespaces.",
    "",
    style("bold", line(columns)),
    style("dim", "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2))),
    ...rows,
    "",
    ...(measured.some((cells) => cells.length > 0) ? notes.map((note) => style("dim", note)) : []),
    style(passed ? "green" : "red", verdictOf(report)),
  ];
  return `${lines.join("\n")}\n`;
}

const notes = [
  "Open: both tunnels are there, and the first ping was answered. Moved: one download and one",
  "upload, by WireGuard's own count. One process is both ends, and computes the SHA-256.",
  "",
];

function cellsOf(outcome: Measurements & { readonly backend: string }): readonly string[] {
  const { backend, openSeconds, requests, download, upload, encrypted } = outcome;
  return [
    backend,
    (openSeconds * 1000).toFixed(0),
    String(requests.count),
    (requests.count / requests.seconds).toFixed(0),
    gbitPerSecond(download).toFixed(2),
    gbitPerSecond(upload).toFixed(2),
    ((encrypted.sent + encrypted.received) / 2 ** 20).toFixed(0),
    download.sha256Equal && upload.sha256Equal ? "equal" : "differs",
  ];
}

/** Numbers stand at the right of their columns. */
function pad(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function gbitPerSecond({ bytes, seconds }: Transfer): number {
  return (bytes * 8) / seconds / 1e9;
}

function verdictOf({ backends, passed }: DemoReport): string {
  const named = (...wanted: readonly Outcome["outcome"][]) =>
    backends.filter(({ outcome }) => wanted.includes(outcome)).map(({ backend }) => backend);
  const bad = named("failed", "damaged");
  if (bad.length > 0) return `${bad.join(" and ")} failed.`;
  if (!passed)
    return "No backend can run here: the rows above say why. wg-bridge doctor says more.";
  return `${named("passed").join(" and ")} passed.`;
}
