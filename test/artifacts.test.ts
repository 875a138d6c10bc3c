import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { findPackageRoot } from "../src/artifacts.js";

describe("the package's root", () => {
  let top = "";

  beforeEach(() => {
    top = mkdtempSync(`${tmpdir()}/wg-bridge-root-`);
  });
  afterEach(() => rmSync(top, { recursive: true }));

  /** Creates an empty file below the top, and returns its path. */
  function file(path: string): string {
    const absolute = `${top}/${path}`;
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, "");
    return absolute;
  }

  const module = "node_modules/wg-bridge/dist/src/artifacts.js";

  it("is three directories above its module, wherever the program is", () => {
    const path = `${top}/node_modules/wg-bridge`;
    assert.deepEqual(findPackageRoot(file(module), "/main.js"), { path, bundled: false });
  });

  it("is in the nearest node_modules above a bundle", () => {
    file("node_modules/wg-bridge/package.json");
    file("app/node_modules/wg-bridge/package.json");
    const path = `${top}/app/node_modules/wg-bridge`;
    const found = findPackageRoot(file("app/out/bundle.js"), "/main.js");
    assert.deepEqual(found, { path, bundled: true });
  });

  it("is a bundle's own directory if there is no node_modules", () => {
    const found = findPackageRoot(file("out/bundle.js"), "/main.js");
    assert.deepEqual(found, { path: `${top}/out`, bundled: true });
  });

  it("is found from the main program if a bundle does not know its file, or names one of another machine", () => {
    file("node_modules/wg-bridge/package.json");
    const main = file("out/main.cjs");
    for (const bundle of [undefined, `${top}/elsewhere/${module}`]) {
      const path = `${top}/node_modules/wg-bridge`;
      assert.deepEqual(findPackageRoot(bundle, main), { path, bundled: true });
    }
  });
});
