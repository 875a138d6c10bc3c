import assert from "node:assert/strict";
import { parseFieldArguments } from "./arguments.js";

describe("the arguments of scripts/field", () => {
  it("select what to measure, with which programs and how often", () => {
    const { kind, programs, rows, rounds } = parseFieldArguments([
      ..."congestion --program old=/tmp/old --rows 4m --rounds 3".split(" "),
    ]);
    assert.equal(kind, "congestion");
    assert.deepEqual(programs, [{ name: "old", path: "/tmp/old" }]);
    assert.ok(rows?.test("htb-pfifo-4m-one-udp"));
    assert.equal(rounds, 3);
  });

  for (const [wrong, message] of [
    ["", /memory or congestion/],
    ["speed", /memory or congestion/],
    ["memory congestion", /memory or congestion/],
    ["memory --rounds 0", /--rounds "0"/],
    ["memory --program exec=/tmp/old", /exec: that is the name of/],
    ["memory --rows (", /regular expression/],
    ["memory --only nobody", /no program nobody: there are upstream, exec, ffi\./],
  ] as const) {
    it(`are refused: ${wrong || "none"}`, () => {
      const words = wrong.split(" ").filter((word) => word !== "");
      assert.throws(() => parseFieldArguments(words), { message });
    });
  }
});
