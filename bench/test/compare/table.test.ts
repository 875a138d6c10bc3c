import assert from "node:assert/strict";
import { colouredStyle } from "../../../src/text/style.js";
import { formatTable } from "../../compare/table.js";
import { comparisonOf, failedRun, legsAt, measured, passedRun, startUp } from "./fixtures.js";

const both = comparisonOf(
  measured("upstream", [failedRun]),
  measured("exec", [passedRun]),
  measured("ffi", [{ ...passedRun, legs: legsAt(1.47), peakMemoryBytes: 80 * 2 ** 20 }]),
);

function lineOf(table: string, title: string): string {
  return table.split("\n").find((line) => line.trimStart().startsWith(title)) ?? "";
}

function wordsOf(table: string, title: string): string[] {
  return lineOf(table, title).trim().split(/ {2,}/);
}

describe("the table", () => {
  const table = formatTable(both);

  it("has a column for each program and one for the ratio", () => {
    assert.deepEqual(wordsOf(table, "upstream"), ["upstream", "exec", "ffi", "ffi/exec"]);
  });

  it("says who passed and how many steps", () => {
    assert.deepEqual(wordsOf(table, "netns.sh"), ["netns.sh", "failed", "passed", "passed"]);
    assert.deepEqual(wordsOf(table, "steps passed"), [
      "steps passed",
      "17 of 251",
      "251 of 251",
      "251 of 251",
    ]);
  });

  it("puts each iperf3 test side by side, with the ratio", () => {
    assert.deepEqual(wordsOf(table, "TCP over IPv4"), [
      "TCP over IPv4",
      "–",
      "1.500",
      "1.470",
      "0.98",
    ]);
  });

  it("shows start-up and memory, with the ratio", () => {
    assert.deepEqual(wordsOf(table, "start-up, ms"), [
      "start-up, ms",
      "61.3",
      "61.3",
      "61.3",
      "1.00",
    ]);
    assert.deepEqual(wordsOf(table, "peak memory"), [
      "peak memory, MiB",
      "–",
      "20.0",
      "80.0",
      "4.00",
    ]);
  });

  it("judges the geometric mean of the TCP tests", () => {
    assert.deepEqual(wordsOf(table, "geometric mean"), [
      "geometric mean of 2 TCP",
      "within 5 %",
      "0.980",
    ]);
  });

  it("tells where a program failed: step, section, command, last lines", () => {
    assert.match(table, /^upstream failed at step 18 of 251, in "set-up": exit status 1\.$/m);
    assert.match(table, /^ {2}NS1: ip addr add 192\.168\.241\.1\/24 dev wg1$/m);
    assert.match(table, /^ {2}│ Cannot find device "wg1"$/m);
  });

  it("ends with the verdict", () => {
    assert.match(table, /\nexec and ffi both passed upstream's netns\.sh\.\n$/);
    const failed = comparisonOf(measured("exec", [passedRun]), measured("ffi", [failedRun]));
    assert.match(formatTable(failed), /\nNot every run passed: ffi \(0 of 1\)\.\n$/);
  });

  it("counts repeated runs", () => {
    const runs = [passedRun, failedRun, passedRun];
    const repeated = formatTable(comparisonOf(measured("exec", runs), measured("ffi", runs)));
    assert.deepEqual(wordsOf(repeated, "runs passed"), ["runs passed", "2 of 3", "2 of 3"]);
    assert.match(repeated, /^exec failed in run 2 of 3 at step 18/m);
    assert.match(repeated, /Not every run passed: exec \(2 of 3\), ffi \(2 of 3\)\./);
  });

  it("aligns its columns, with colour as without", () => {
    const coloured = formatTable(both, colouredStyle);
    assert.ok(coloured.includes("\u001b[32m"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colour is made of
    assert.equal(coloured.replace(/\u001b\[\d+m/g, ""), table);
    const ends = ["netns.sh", "steps passed", "peak memory", "TCP over IPv4"].map(
      (title) => lineOf(table, title).trimEnd().length,
    );
    assert.equal(ends[0], ends[1]);
    assert.equal(ends[2], ends[3]);
  });

  it("has no escape sequences without a style", () => {
    assert.ok(!table.includes("\u001b"));
  });

  it("says why a start-up time is missing", () => {
    const none = { milliseconds: null, samples: [], error: "The program ended, exit status 1." };
    const program = {
      ...measured("exec", [passedRun]),
      startUp: { ...startUp, background: none, foreground: none },
    };
    const told = formatTable(comparisonOf(program)).match(
      /^Start-up of exec could not be measured: The program ended, exit status 1\.$/gm,
    );
    assert.equal(told?.length, 1);
  });
});
