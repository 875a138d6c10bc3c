import assert from "node:assert/strict";
import { congestionRows } from "./congestion-rows.js";
import { memoryRows } from "./memory-rows.js";

describe("the rows of scripts/field", () => {
  for (const [kind, rows] of [
    ["memory", memoryRows],
    ["congestion", congestionRows],
  ] as const) {
    it(`of ${kind} have unique ids and titles`, () => {
      for (const field of ["id", "title"] as const) {
        const texts = rows().map((row) => row[field]);
        assert.equal(new Set(texts).size, texts.length);
      }
    });

    it(`of ${kind} say which rate is offered`, () => {
      const floods = rows(12_345).filter(({ offered }) => offered.includes("datagrams"));
      assert.ok(floods.length > 0);
      for (const { offered } of floods) assert.match(offered, /^12345 datagrams\/s of /);
    });
  }
});
