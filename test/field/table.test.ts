import assert from "node:assert/strict";
import type { FieldResult } from "./result.js";
import { formatTable } from "./table.js";

const result: FieldResult = {
  kind: "memory",
  machine: {
    ...{ kernel: "6.18", architecture: "x64", processor: "one", processors: 2, node: "v22" },
    ...{ congestionControls: ["reno"], congestionControl: "reno" },
    cipher: null,
  },
  began: "2026-01-01T00:00:00.000Z",
  programs: ["upstream", "exec"],
  figures: [{ id: "peak", title: "peak, MiB", decimals: 1 }],
  rows: [
    {
      id: "one",
      title: "one case",
      offered: "10 datagrams/s",
      measured: { upstream: [{ peak: 4 }, { peak: 8 }], exec: [{ peak: 9 }] },
      failures: [{ program: "exec", round: 2, because: "It ended." }],
    },
    {
      id: "two",
      title: "another case",
      offered: "10 datagrams/s",
      measured: { upstream: [{ peak: null }], exec: [{ peak: 9 }] },
      failures: [],
    },
  ],
  skipped: [{ title: "a third", because: "this kernel has no tbf" }],
};

describe("the table of scripts/field", () => {
  const lines = formatTable(result)
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/));

  it("shows the medians of the rounds, and the ratios of ours to upstream's", () => {
    assert.deepEqual(lines.slice(0, 3), [
      ["upstream", "exec", "ratio"],
      ["one case (10 datagrams/s)"],
      ["peak, MiB", "6.0", "9.0", "1.50"],
    ]);
  });

  it("shows a dash for an unknown value", () => {
    assert.deepEqual(lines[5], ["peak, MiB", "–", "9.0", "–"]);
  });

  it("shows what could not be measured, and why", () => {
    assert.deepEqual(lines[3], ["exec, round 2: It ended."]);
    assert.deepEqual(lines[6], ["not measured: a third: this kernel has no tbf"]);
  });
});
