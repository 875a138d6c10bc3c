import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";

describe("the product", () => {
  it("imports nothing from bench, which is not in the npm package", () => {
    const sources = readdirSync(`${packageRoot}/src`, { recursive: true, encoding: "utf8" });
    const importing = sources
      .filter((file) => file.endsWith(".ts"))
      .filter((file) => /["'/]bench\//.test(readFileSync(`${packageRoot}/src/${file}`, "utf8")));
    assert.ok(sources.length > 100);
    assert.deepEqual(importing, []);
  });
});
