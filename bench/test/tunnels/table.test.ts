import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { colouredStyle } from "../../../src/text/style.js";
import { formatTable } from "../../tunnels/table.js";
import { ordinary, resultOf, told } from "./fixtures.js";

describe("the table of a bench", () => {
  const table = formatTable(ordinary);
  const lineOf = (title: string) => table.split("\n").find((line) => line.startsWith(title)) ?? "";

  it("has a column for each program, and one for ffi to exec", () => {
    assert.deepEqual(table.split("\n")[0]?.trim().split(/ {2,}/), [
      "upstream",
      "small",
      "exec",
      "ffi",
      "ffi/exec",
    ]);
  });

  it("puts figures and ratios side by side", () => {
    assert.deepEqual(lineOf("TCP, MTU 1420, 1 peer, 1 stream up").split(/ {2,}/), [
      "TCP, MTU 1420, 1 peer, 1 stream up, Gbit/s",
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

  it("says how noisy the rounds were, and what a program could not do", () => {
    assert.match(table, /^Noise: half of upstream's samples lay within \d\.\d % of each other, /m);
    assert.match(
      table,
      /^small has no figures of "tcp-9000" in 9 of 9 rounds, because: It does not carry a packet of 9000 bytes\.$/m,
    );
  });

  it("does not deny the figures that a program has of a part that it did not finish", () => {
    const half = resultOf(
      told("upstream", { "udp-64": [1, 1] }, [{ leg: "udp", because: "It ended." }]),
    );
    assert.match(formatTable(half), /^upstream has not all figures of "udp" in 2 of 2 rounds/m);
  });

  it("says that few rounds do not tell their noise", () => {
    const few = resultOf(told("upstream", { start: [1] }));
    assert.match(formatTable(few), /^Noise: it takes three rounds at least to tell\.$/m);
  });

  it("is the same with colour as without", () => {
    const coloured = formatTable(ordinary, colouredStyle);
    assert.ok(coloured.includes("\u001b[32m") && coloured.includes("\u001b[31m"));
    assert.equal(stripVTControlCharacters(coloured), table);
  });
});
