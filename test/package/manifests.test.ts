import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  type Lock,
  type Manifest,
  mainManifest,
  platformManifest,
} from "../../packages/manifests.js";
import type { Platform } from "../../packages/platforms.js";
import { packageRoot } from "../../src/artifacts.js";
import { koffiVersion } from "../../src/backends/ffi/koffi.js";

const read = (file: string) => JSON.parse(readFileSync(`${packageRoot}/${file}`, "utf8"));
const checkout: Manifest = read("package.json");
const lock: Lock = read("package-lock.json");
const platforms: readonly Platform[] = read("packages/platforms.json");
const withLibrary = platforms.filter(({ library }) => library !== undefined);

describe("the published package.json", () => {
  const main: Manifest = JSON.parse(JSON.stringify(mainManifest(checkout, platforms)));

  it("names the engine of every processor at exactly its own version", () => {
    const engines = ["x64", "arm64", "arm", "riscv64", "ppc64", "s390x", "loong64"];
    assert.deepEqual(
      main.optionalDependencies,
      Object.fromEntries(engines.map((arch) => [`@wg-bridge/linux-${arch}`, checkout.version])),
    );
  });

  it("runs nothing at install, and excludes no machine", () => {
    assert.deepEqual(main.scripts, { build: "scripts/build" });
    for (const field of ["private", "os", "cpu", "devDependencies"]) {
      assert.ok(!(field in main), field);
    }
    assert.deepEqual(main.dependencies, checkout.dependencies);
  });

  it("is not the checkout's, which is private and would take a published engine", () => {
    assert.equal(checkout.private, true);
    assert.ok(!("optionalDependencies" in checkout));
  });

  for (const platform of platforms) {
    it(`of the engine for ${platform.arch} is for that processor alone`, () => {
      const engine: Manifest = JSON.parse(
        JSON.stringify(platformManifest(checkout, lock, platform)),
      );
      assert.equal(engine.version, checkout.version);
      assert.equal(engine.license, checkout.license);
      assert.deepEqual([engine.os, engine.cpu], [["linux"], [platform.arch]]);
      // No libc, which installers guess wrong; no exports, so that package.json can be resolved.
      for (const field of ["libc", "exports", "bin", "scripts"])
        assert.ok(!(field in engine), field);
    });
  }

  it("depends on the native module that the checkout tests, for ffi alone", () => {
    const koffi = (platform: Platform) => {
      const engine: Manifest = JSON.parse(
        JSON.stringify(platformManifest(checkout, lock, platform)),
      );
      return engine.dependencies;
    };
    const { koffi: tested } = read("package.json").devDependencies;
    assert.equal(tested, koffiVersion);
    assert.deepEqual(withLibrary.map(koffi), [
      { "@koromix/koffi-linux-x64": tested },
      { "@koromix/koffi-linux-arm64": tested },
    ]);
    for (const platform of platforms.filter(({ library }) => library === undefined)) {
      assert.equal(koffi(platform), undefined);
    }
  });
});
