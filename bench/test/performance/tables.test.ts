import assert from "node:assert/strict";
import { heading, leverTable, programTable, replaceBlock } from "../../performance/tables.js";
import { around, findingsOf, ordinary, resultOf } from "../fixtures.js";

describe("a table of docs/performance.md", () => {
  it("has the reference's medians and the others' ratios, with marks where there is no verdict", () => {
    const table = programTable(ordinary, [
      { title: "TCP, Gbit/s", ids: ["tcp-1420-1-up", "tcp-9000-1-up"] },
      { title: "loss, %", ids: ["udp-250-loss"] },
      { title: "what was not measured", ids: ["handshakes"] },
    ]);
    assert.deepEqual(table.split("\n"), [
      "| figure | upstream | small | exec | ffi | ffi to exec |",
      "|---|---|---|---|---|---|",
      "| TCP, Gbit/s | 1.00, 2.00 | 0.50 | 1.50, 1.00~ | 1.50, 2.00 | 1.00=, 2.00! |",
      "| loss, % | 0.000 |  | 0.000 % |  |  |",
    ]);
  });

  it("has no last column if ffi is not compared with exec", () => {
    const only = resultOf(
      findingsOf("upstream", { start: [1] }),
      findingsOf("exec", { start: [2] }),
    );
    assert.equal(
      programTable(only, [{ title: "start, ms", ids: ["start"] }])
        .split("\n")
        .at(-1),
      "| start, ms | 1.00 | 2.00? |",
    );
  });

  it("has a row for each lever", () => {
    const base = { "tcp-1420-1-up": around(2), "tcp-cpu": around(4) };
    const slower = { "tcp-1420-1-up": around(1), "tcp-cpu": around(5) };
    const result = resultOf(findingsOf("upstream", base), findingsOf("upstream -tso4", slower));
    const columns = [
      { title: "TCP", ids: ["tcp-1420-1-up"] },
      { title: "CPU", ids: ["tcp-cpu"] },
      { title: "nothing", ids: ["ping-load-p99"] },
    ];
    assert.deepEqual(leverTable(result, columns).split("\n"), [
      "| without | TCP | CPU |",
      "|---|---|---|",
      "| `tso4` | 0.50 | 1.25 |",
    ]);
  });

  it("says what was measured, where, and by which congestion control", () => {
    const [first, machine, congestion] = heading({ result: ordinary, commit: "abc" }).split("\n");
    assert.equal(first, "Medians of 9 interleaved rounds, begun 2026-05-22 on commit abc.");
    assert.match(machine ?? "", /^Linux 6\.18\.0, 2 × Some Processor/);
    assert.equal(congestion, "Congestion control of TCP: cubic.");
  });

  it("takes the place of what is between its marks", () => {
    const page = "a\n<!-- measured: x -->\nold\n<!-- end: x -->\nb\n";
    const written = replaceBlock(page, "x", "new");
    assert.equal(written, "a\n<!-- measured: x -->\nnew\n<!-- end: x -->\nb\n");
    assert.equal(replaceBlock(written, "x", "new"), written);
    assert.throws(() => replaceBlock(page, "y", "new"), {
      message: "The page has no marks for y.",
    });
  });
});
