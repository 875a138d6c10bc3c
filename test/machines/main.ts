// node main.js [OPTION...]: the release check. See arguments.ts, and rows.ts for what it consists of.
import { writeFileSync } from "node:fs";
import { lastLine } from "../checks/check.js";
import { runSuite, showProgress, writeResults } from "../suite/main.js";
import { parseReleaseArguments, type ReleaseArguments, usage } from "./arguments.js";
import { type RowResult, runRow } from "./row.js";
import { allRows } from "./rows.js";
import { formatMarkdown, formatResults, formatSummary, permitsRelease } from "./table.js";

/** How often a line says that a row is still running, in milliseconds. */
const pulse = 30_000;

const names = allRows.map(({ row }) => row);
await runSuite({
  usage,
  parse: (args) => parseReleaseArguments(args, names),
  run: checkRelease,
});

async function checkRelease(wanted: ReleaseArguments): Promise<number> {
  const { only, json, markdown, list, allowSkips } = wanted;
  const rows = allRows.filter(({ row }) => only?.includes(row) ?? true);
  if (list) {
    process.stdout.write(rows.map(({ row, what }) => `${row.padEnd(20)} ${what}\n`).join(""));
    return 0;
  }
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => interrupted.abort(new Error(`ended by ${name}`)));
  }
  const results: RowResult[] = [];
  for (const row of rows) {
    showProgress(`${row.row}: ${row.command.join(" ")}`);
    let newest = "";
    const timer = setInterval(() => showProgress(`${row.row}: running: ${newest}`), pulse);
    const { result, output } = await runRow(row, interrupted.signal, (chunk) => {
      newest = lastLine(chunk.toString()) || newest;
    }).finally(() => clearInterval(timer));
    if (result.result === "failed") showProgress(output.trimEnd());
    showProgress(`${row.row}: ${result.result} (${result.seconds.toFixed(1)} s)`);
    results.push(result);
    // After each row: what a row that ends this process has cost is not lost.
    writeResults(json, results);
    if (markdown !== undefined) writeFileSync(markdown, formatMarkdown(results));
  }
  process.stdout.write(`${formatResults(results)}\n${formatSummary(results)}`);
  return permitsRelease(results, allowSkips) ? 0 : 1;
}
