import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { resolvePackaged } from "../../src/engine/files.js";

describe("the engine's files", () => {
  let top = "";

  beforeEach(() => {
    top = mkdtempSync(`${tmpdir()}/wg-bridge-files-`);
  });
  afterEach(() => rmSync(top, { recursive: true }));

  it("are beside an Electron archive, from which nothing can be executed", async () => {
    const packed = "app.asar/node_modules/wg-bridge";
    for (const name of ["dist/src/artifacts.js", "dist/src/engine/files.js", "package.json"]) {
      cpSync(`${packageRoot}/${name}`, `${top}/${packed}/${name}`, { recursive: true });
    }
    const { libraryPath, executablePath, userspaceExecutablePath } = await import(
      `${top}/${packed}/dist/src/engine/files.js`
    );
    const programs = `${top}/app.asar.unpacked/node_modules/wg-bridge/build`;
    assert.equal(libraryPath({}), `${programs}/wireguard_go_bridge.so`);
    assert.equal(executablePath({}), `${programs}/wireguard-go`);
    assert.equal(userspaceExecutablePath({}), `${programs}/wireguard-go-userspace`);
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
        message: new RegExp(`^Cannot find module '@wg-bridge/linux-${arch}/${path}`),
      });
      assert.throws(() => resolvePackaged("manifest"), wanted("package.json"));
      assert.throws(() => resolvePackaged("executable"), wanted("bin/wireguard-go'"));
      const userspace = "bin/wireguard-go-userspace'";
      assert.throws(() => resolvePackaged("userspaceExecutable"), wanted(userspace));
      if (library === undefined) assert.equal(resolvePackaged("library"), undefined);
      else assert.throws(() => resolvePackaged("library"), wanted("lib/wireguard_go_bridge\\.so"));
    });
  }

  it("are no others", () => {
    const source = readFileSync(`${packageRoot}/src/engine/files.ts`, "utf8");
    const named = new Set(source.match(/(?<=@wg-bridge\/linux-)\w+/g));
    assert.deepEqual([...named].sort(), platforms.map(({ arch }) => arch).sort());
  });
});
