import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { colouredStyle, type Style } from "../../../src/text/style.js";
import { comparison } from "../../netns/netns.js";
import { formatTable } from "../../report/table.js";
import type { Result } from "../../result.js";
import { tunnels } from "../../tunnels/tunnels.js";
import {
  compared,
  comparisonOf,
  findingsOf,
  netnsFailure,
  ordinary,
  passing,
  resultOf,
} from "../fixtures.js";

const formatTunnels = (result: Result, style?: Style) => formatTable(tunnels, result, style);
const formatComparison = (result: Result) => formatTable(comparison(), result);

describe("the table of a benchmark", () => {
  const table = formatTunnels(ordinary);
  const lineOf = (title: string) =>
    table.split("\n").find((line) => line.trimStart().startsWith(title)) ?? "";

  it("has a column for each program, and one for the ratio of ffi to exec", () => {
    assert.deepEqual(table.split("\n")[0]?.trim().split(/ {2,}/), [
      "upstream",
      "small",
      "exec",
      "ffi",
      "ffi/exec",
    ]);
  });

  it("shows figures and ratios side by side", () => {
    assert.deepEqual(lineOf("1 stream up").trim().split(/ {2,}/), [
      "1 stream up, Gbit/s",
      "1.00 ±0%",
      "0.500 ±0%",
      "0.50-",
      "1.50 ±0%",
      "1.50+",
      "1.50 ±0%",
      "1.50+",
      "1.00=",
    ]);
  });

  it("says which congestion control TCP had", () => {
    assert.match(table, /^Congestion control of TCP: cubic\.$/m);
    assert.match(formatComparison(compared), /^Congestion control of TCP: bbr\.$/m);
  });

  it("says how noisy the rounds were, and what a program could not do", () => {
    assert.match(
      table,
      /^Noise: half of the samples of upstream were within \d\.\d % of each other, /m,
    );
    assert.match(
      table,
      /^small failed in "TCP, MTU 9000" in rounds 1, 2, 3, 4, 5, 6, 7, 8, 9 of 9: It does not carry a packet of 9000 bytes\.$/m,
    );
  });

  it("keeps the figures of a part that a program did not finish", () => {
    const half = resultOf(
      findingsOf("upstream", { "udp-64": [1, 1] }, [{ leg: "udp", because: "It ended." }]),
    );
    assert.match(
      formatTunnels(half),
      /^upstream failed in "UDP, MTU 1420" in rounds 1, 2 of 2: It ended\.$/m,
    );
  });

  it("does not report the noise of few rounds", () => {
    const few = resultOf(findingsOf("upstream", { start: [1] }));
    assert.doesNotMatch(formatTunnels(few), /Noise|±/);
  });

  it("is the same with colour as without", () => {
    const coloured = formatTunnels(ordinary, colouredStyle);
    assert.ok(coloured.includes("\u001b[32m") && coloured.includes("\u001b[31m"));
    assert.equal(stripVTControlCharacters(coloured), table);
  });
});

describe("the table of a comparison", () => {
  const table = formatComparison(compared);
  const wordsOf = (text: string, title: string) =>
    text
      .split("\n")
      .find((line) => line.trimStart().startsWith(title))
      ?.trim()
      .split(/ {2,}/);

  it("has a column for each program and one for the ratio of ffi to exec", () => {
    assert.deepEqual(wordsOf(table, "upstream"), ["upstream", "exec", "ffi", "ffi/exec"]);
  });

  it("says who passed and how many steps", () => {
    assert.deepEqual(wordsOf(table, "rounds"), ["rounds passed", "0 of 1", "1 of 1", "1 of 1"]);
    assert.deepEqual(wordsOf(table, "steps passed"), ["steps passed", "17", "251", "251"]);
  });

  it("shows each iperf3 test side by side, with the ratio", () => {
    const title = "TCP over IPv4, Gbit/s";
    assert.deepEqual(wordsOf(table, title), [title, "–", "1.50", "1.47", "0.98?"]);
  });

  it("shows start-up and memory, with the ratio", () => {
    const title = "PROGRAM INTERFACE, ms";
    assert.deepEqual(wordsOf(table, title), [title, "–", "61.3", "61.3", "1.00?"]);
    assert.deepEqual(wordsOf(table, "peak memory"), [
      ...["peak memory, MiB", "–", "20.0", "80.0", "4.00?"],
    ]);
  });

  it("judges the geometric mean of the TCP tests", () => {
    assert.match(table, /^ffi to exec, geometric mean of 2 TCP tests: 0\.980, within 5 %\.$/m);
  });

  it("says where a program failed: section, step, command, last lines", () => {
    assert.match(
      table,
      /^upstream failed in "set-up": exit status 1 at step 18, NS1: ip addr add 192\.168\.241\.1\/24 dev wg1$/m,
    );
    assert.match(table, /^ {2}│ Cannot find device "wg1"$/m);
  });

  it("shows control characters as codes", () => {
    const hostile = { ...netnsFailure, output: ["\u001b[2J"] };
    assert.ok(
      !formatComparison(comparisonOf(findingsOf("exec", {}, [hostile]))).includes("\u001b"),
    );
  });

  it("ends with the verdict", () => {
    assert.match(table, /\nexec and ffi passed upstream's netns\.sh\.\n$/);
    const failed = comparisonOf(
      findingsOf("exec", passing(1)),
      findingsOf("ffi", { steps: [17] }, [netnsFailure]),
    );
    assert.match(formatComparison(failed), /\nNot every round passed: ffi \(0 of 1\)\.\n$/);
  });

  it("aligns its columns", () => {
    const ends = ["steps passed", "TCP over IPv4", "peak memory"].map((title) =>
      table
        .split("\n")
        .find((line) => line.trimStart().startsWith(title))
        ?.search(/\S+( {2}\S+)?$/),
    );
    assert.ok(ends.every((end) => end !== undefined && end > 0));
    const heading = table.split("\n")[0] ?? "";
    const steps = table.split("\n").find((line) => line.includes("steps passed")) ?? "";
    assert.equal(steps.indexOf("251") + 3, heading.indexOf("exec") + 4);
  });
});
