import assert from "node:assert/strict";
import { legTitles } from "../../tunnels/figures.js";
import { linkOf, links } from "../../tunnels/links.js";

describe("a link", () => {
  it("has half of its round trip each way, and a queue for what it carries in one", () => {
    assert.deepEqual(linkOf(20), { rate: 10e9, delay: 10, queue: 25_000_000, loss: 0 });
    assert.equal(linkOf(5).delay, 2.5);
    assert.equal(linkOf(100, 0.001).loss, 0.001);
  });

  it("is named by its round trip and its loss", () => {
    assert.equal(links.size, 8);
    for (const [leg, { delay, loss }] of links) {
      assert.equal(leg, `link-${delay * 2}${loss === 0 ? "" : "-loss"}`);
      const lost = loss === 0 ? "" : ", 0.1 % lost";
      assert.equal(legTitles[leg], `Link, round trip ${delay * 2} ms${lost}`);
    }
  });
});
