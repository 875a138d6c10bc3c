import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { findPackageRoot, packageRoot, resolvePackaged } from "../src/artifacts.js";

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

  it("has its programs beside an Electron archive, from which nothing can be executed", async () => {
    const packed = "app.asar/node_modules/wg-bridge";
    for (const name of ["dist/src/artifacts.js", "package.json"]) {
      cpSync(`${packageRoot}/${name}`, `${top}/${packed}/${name}`, { recursive: true });
    }
    const { libraryPath, executablePath } = await import(`${top}/${packed}/dist/src/artifacts.js`);
    const programs = `${top}/app.asar.unpacked/node_modules/wg-bridge/build`;
    assert.equal(libraryPath({}), `${programs}/wireguard_go_bridge.so`);
    assert.equal(executablePath({}), `${programs}/wireguard-go`);
  });
});

describe("the names of the packages with the engine", () => {
  interface Platform {
    readonly arch: string;
    readonly library?: unknown;
  }

  const platforms: readonly Platform[] = JSON.parse(
    readFileSync(`${packageRoot}/packages/platforms.json`, "utf8"),
  );
  const { arch: own } = process;

  afterEach(() => Object.defineProperty(process, "arch", { value: own }));

  for (const { arch, library } of platforms) {
    it(`are those of the packages that are built for ${arch}`, () => {
      Object.defineProperty(process, "arch", { value: arch });
      const wanted = (path: string) => ({
        code: "MODULE_NOT_FOUND",
        message: new RegExp(`^Cannot find module '@wg-bridge/linux-${arch}/${path}'`),
      });
      assert.throws(() => resolvePackaged("manifest"), wanted("package.json"));
      assert.throws(() => resolvePackaged("executable"), wanted("bin/wireguard-go"));
      if (library === undefined) assert.equal(resolvePackaged("library"), undefined);
      else assert.throws(() => resolvePackaged("library"), wanted("lib/wireguard_go_bridge\\.so"));
    });
  }

  it("are no others", () => {
    const source = readFileSync(`${packageRoot}/src/artifacts.ts`, "utf8");
    const named = new Set(source.match(/(?<=@wg-bridge\/linux-)\w+/g));
    assert.deepEqual([...named].sort(), platforms.map(({ arch }) => arch).sort());
  });
});
