import assert from "node:assert/strict";
import { formatFigure } from "../../report/figures.js";
import { figures, legs, legTitles } from "../../tunnels/figures.js";

describe("the figures", () => {
  it("have unique ids and titles, and every leg has figures", () => {
    assert.equal(new Set(figures.map(({ id }) => id)).size, figures.length);
    const titles = figures.map(({ leg, title }) => `${leg}: ${title}`);
    assert.equal(new Set(titles).size, figures.length);
    for (const leg of legs) assert.ok(figures.some((figure) => figure.leg === leg));
  });

  it("are better with more traffic and with less cost", () => {
    for (const { id, unit, better } of figures) {
      const more = ["Gbit/s", "kpps", "1/s"].includes(unit);
      assert.equal(better, more ? "more" : "less", id);
    }
  });

  it("say in the titles of their legs how many peers there are", () => {
    assert.deepEqual(
      [legTitles.tcp, legTitles["peers-100"], legTitles["peers-10000"]],
      ["TCP, MTU 1420, 1 peer", "100 peers", "10,000 peers"],
    );
  });

  it("have titles that fit beside a plot", () => {
    for (const { title } of figures) assert.ok(title.length <= 31, title);
  });

  it("are written with at least three digits", () => {
    const write = (value: number) => formatFigure(value, "ms");
    assert.equal(formatFigure(17, ""), "17");
    assert.deepEqual([0, 0.1234, 1.234, 12.34, 123.4, 9876].map(write), [
      "0.000",
      "0.123",
      "1.23",
      "12.3",
      "123",
      "9876",
    ]);
  });
});
