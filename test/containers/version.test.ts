import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";

const { version } = JSON.parse(readFileSync(`${packageRoot}/package.json`, "utf8"));

describe("the images that examples and pages name", () => {
  it("have this package's version", () => {
    const names = readdirSync(`${packageRoot}/containers`, { recursive: true, encoding: "utf8" });
    const files = names.filter((name) => /\.yaml$|Containerfile$/.test(name));
    const texts = [...files.map((name) => `containers/${name}`), "docs/containers.md"].map((name) =>
      readFileSync(`${packageRoot}/${name}`, "utf8"),
    );
    const pattern = /(?:\/wg-bridge(?:-engine)?:|\/image:|^ARG VERSION=)(\d[\w.]*)/gm;
    const versions = texts.flatMap((text) => Array.from(text.matchAll(pattern), ([, one]) => one));
    assert.ok(versions.length > 10);
    assert.deepEqual([...new Set(versions)], [version]);
  });
});
