import assert from "node:assert/strict";
import { type FaultResult, formatResults, formatSummary } from "./table.js";

const result: FaultResult = {
  program: "exec",
  call: "socket",
  number: 41,
  errno: "EMFILE",
  nth: 1,
  phase: "start",
  by: "strace",
  outcome: "refused",
  detail: "no socket",
};

describe("the table of faults", () => {
  it("has a line for each fault", () => {
    assert.equal(
      formatResults([result, { ...result, nth: "always", errno: "EPERM", detail: "" }]),
      [
        "program  phase  call    errno   nth     by      outcome  detail",
        "exec     start  socket  EMFILE  1       strace  refused  no socket",
        "exec     start  socket  EPERM   always  strace  refused",
        "",
      ].join("\n"),
    );
  });

  it("counts the outcomes of each program", () => {
    const results: FaultResult[] = [
      result,
      result,
      { ...result, outcome: "LEAK" },
      { ...result, program: "ffi", outcome: "works" },
    ];
    assert.equal(
      formatSummary(results),
      [
        "program  works  refused  ended  NOT MET  LEAK  HANG  SPIN  SILENT  PANIC  CRASH",
        "exec     0      2        0      0        1     0     0     0       0      0",
        "ffi      1      0        0      0        0     0     0     0       0      0",
        "",
      ].join("\n"),
    );
  });
});
