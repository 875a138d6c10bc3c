import assert from "node:assert/strict";
import { figures, formatFigure, legs } from "../../tunnels/figures.js";

describe("the figures", () => {
  it("have an id and a title of their own, and every leg has some", () => {
    assert.equal(new Set(figures.map(({ id }) => id)).size, figures.length);
    assert.equal(new Set(figures.map(({ title }) => title)).size, figures.length);
    for (const leg of legs) assert.ok(figures.some((figure) => figure.leg === leg));
  });

  it("are better with more of what crosses, and with less of what it costs", () => {
    for (const { id, unit, better } of figures) {
      const more = ["Gbit/s", "kpps", "1/s"].includes(unit);
      assert.equal(better, more ? "more" : "less", id);
    }
  });

  it("say with how many peers they are, where that is measured", () => {
    const title = (id: string) => figures.find((figure) => figure.id === id)?.title;
    assert.equal(title("tcp-1420-1-up"), "TCP, MTU 1420, 1 peer, 1 stream up");
    assert.equal(title("peers-100-tcp"), "TCP, MTU 1420, 100 peers, 1 stream up");
    assert.equal(title("peers-10000-tcp"), "TCP, MTU 1420, 10,000 peers, 1 stream up");
  });

  it("are written with three digits at least", () => {
    assert.deepEqual([0, 0.1234, 1.234, 12.34, 123.4, 9876].map(formatFigure), [
      "0.000",
      "0.123",
      "1.23",
      "12.3",
      "123",
      "9876",
    ]);
  });
});
