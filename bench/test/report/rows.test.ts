import assert from "node:assert/strict";
import { sectionsOf } from "../../report/rows.js";
import { tunnels } from "../../tunnels/tunnels.js";
import { around, findingsOf, ordinary, resultOf } from "../fixtures.js";

const rows = (result: typeof ordinary) =>
  sectionsOf(tunnels, result).flatMap((section) => section.rows);

describe("a row", () => {
  const [start, tcp, loss, large] = rows(ordinary);

  it("has the figure with its unit, and for each program the median and half the interquartile range", () => {
    assert.equal(start?.title, "launch to UAPI answering, ms");
    assert.deepEqual(
      start?.cells.map(({ figure }) => figure),
      ["30.0 ±0%", "5.00 ±0%", "10.0 ±0%", "90.0 ±0%"],
    );
    assert.equal(large?.cells[2]?.figure, "2.00 ±25%");
  });

  it("marks programs as better, worse or undecided, with the interval", () => {
    assert.deepEqual(
      tcp?.cells.map(({ ratio }) => ratio),
      ["", "0.50-", "1.50+", "1.50+"],
    );
    assert.equal(tcp?.cells[1]?.interval, "0.50 to 0.50");
    assert.match(large?.cells[2]?.ratio ?? "", /~$/);
  });

  it("has a dash if a program has no figure, and no ratio for a loss of 0", () => {
    assert.equal(large?.cells[1]?.figure, "–");
    assert.deepEqual(
      loss?.cells.map(({ figure, ratio }) => [figure, ratio]),
      [
        ["0.000 ±0%", ""],
        ["–", ""],
        ["0.000 ±0%", ""],
        ["–", ""],
      ],
    );
  });

  it("says how close ffi is to exec", () => {
    assert.equal(tcp?.ffiToExec, "1.00=");
    assert.equal(start?.ffiToExec, "");
    const far = resultOf(
      findingsOf("exec", { handshakes: around(1) }),
      findingsOf("ffi", { handshakes: around(2) }),
    );
    assert.equal(rows(far)[0]?.ffiToExec, "2.00!");
  });

  it("asks for more rounds if there are few, and shows no spread then", () => {
    const few = resultOf(
      findingsOf("upstream", { start: [1] }),
      findingsOf("exec", { start: [3] }),
    );
    assert.equal(rows(few)[0]?.cells[1]?.ratio, "3.00?");
    assert.equal(rows(few)[0]?.cells[1]?.figure, "3.00");
  });
});
