import assert from "node:assert/strict";
import { comparison } from "../../netns/netns.js";
import { renderPicture } from "../../report/picture.js";
import { compared } from "../fixtures.js";

const picture = renderPicture(comparison(), compared);

describe("the picture", () => {
  it("is one SVG that names no other file", () => {
    assert.match(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    assert.doesNotMatch(picture.replace("http://www.w3.org/2000/svg", ""), /href|url\(|https?:/);
    assert.equal(picture.match(/<svg/g)?.length, picture.match(/<\/svg>/g)?.length);
  });

  it("has every chart, and no two overlap", () => {
    const places = [...picture.matchAll(/<svg x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)];
    assert.equal(places.length, 5);
    const boxes = places.map((place) => place.slice(1).map(Number));
    for (const [index, [x = 0, y = 0, width = 0, height = 0]] of boxes.entries()) {
      for (const [left = 0, top = 0] of boxes.slice(index + 1)) {
        assert.ok(left >= x + width || top >= y + height || left + width <= x, `${left}, ${top}`);
      }
    }
  });
});
