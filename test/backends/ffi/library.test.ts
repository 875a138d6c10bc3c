import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { libraryPath } from "../../../src/engine/files.js";
import { onlyInSandbox } from "../../sandbox.js";

const module = new URL("../../../src/backends/ffi/library.js", import.meta.url);
const functions = ["wgNew", "wgDisable", "wgOpen", "wgName", "wgExchange", "wgLogFd", "wgEndFd"];

/** Returns the C source of a library with an ABI version and functions that return 1. */
function source(version: string, names: readonly string[]): string {
  return `#include <string.h>
int wgAbiVersion(char *buffer, int size) {
  int length = strlen("${version}");
  if (length > size) return -34;
  memcpy(buffer, "${version}", length);
  return length;
}
${names.map((name) => `int ${name}(void) { return 1; }`).join("\n")}\n`;
}

// A process keeps the one Go library that it has loaded, so each test uses a process of its own.
describe("loading the library", () => {
  onlyInSandbox();

  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-library-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  function compile(name: string, code: string): string {
    const path = join(directory, `${name}.so`);
    writeFileSync(`${path}.c`, code);
    execFileSync("gcc", ["-shared", "-fPIC", "-o", path, `${path}.c`]);
    return path;
  }

  function run(script: string): string {
    const code = `import { BridgeLibrary } from ${JSON.stringify(module.href)};
      const load = (path) => BridgeLibrary.load(path).then((library) => library.abiVersion, (error) => error.code + " " + error.message);
      ${script}`;
    const args = ["--input-type=module", "-e", code];
    return execFileSync(process.execPath, args, { encoding: "utf8" });
  }

  function load(path: string): string {
    return run(`console.log(await load(${JSON.stringify(path)}))`);
  }

  it("succeeds with the one that was built", () => {
    assert.match(load(libraryPath({})), /^1\.\d+\.\d+\n$/);
  });

  it("succeeds with one that has a newer, compatible ABI", () => {
    const names = [...functions, "wgLastError", "wgClose"];
    assert.equal(load(compile("newer", source("1.5.0", names))), "1.5.0\n");
  });

  it("reads an ABI version that is longer than its first buffer", () => {
    const version = `1.4.0+${"x".repeat(400)}`;
    assert.match(
      load(compile("long", source(version, functions))),
      /^WG_BRIDGE_LIBRARY_ABI .*xxxxx/,
    );
  });

  it("refuses one with another ABI", () => {
    const answer = load(
      compile("other", source("2.0.0", [...functions, "wgLastError", "wgClose"])),
    );
    assert.match(answer, /^WG_BRIDGE_LIBRARY_ABI .*"2\.0\.0".*\^1\.4\.0/);
  });

  it("refuses one in which a function is missing, and names it", () => {
    const answer = load(compile("incomplete", source("1.4.0", functions)));
    assert.match(answer, /^WG_BRIDGE_LIBRARY_LOAD .*wgLastError/);
  });

  it("refuses one that is not a library of ours", () => {
    const answer = load(compile("foreign", "int nothing(void) { return 0; }\n"));
    assert.match(answer, /^WG_BRIDGE_LIBRARY_LOAD .*wgAbiVersion/);
  });

  it("refuses one that the dynamic loader refuses, and reports why", () => {
    const answer = load(
      compile(
        "unresolved",
        `${source("1.4.0", [])}extern int gone(void);
      __attribute__((constructor)) void start(void) { gone(); }\n`,
      ),
    );
    assert.match(answer, /^WG_BRIDGE_LIBRARY_LOAD .*undefined symbol: gone/);
  });

  it("returns the same one again, and refuses a second one", () => {
    const path = compile("second", source("1.4.0", functions));
    const answer = run(`const path = ${JSON.stringify(libraryPath({}))};
      const [one, two] = await Promise.all([BridgeLibrary.load(path), BridgeLibrary.load(path)]);
      console.log(one === two, await load(${JSON.stringify(path)}));`);
    assert.match(answer, /^true WG_BRIDGE_LIBRARY_LOAD .*only one Go library/);
  });

  it("is refused in a worker thread", () => {
    const answer = run(`import { Worker } from "node:worker_threads";
      const code = 'import(${JSON.stringify(module.href)}).then((m) => m.BridgeLibrary.load("x")).catch((error) => console.log(error.code, error.message))';
      new Worker(code, { eval: true });`);
    assert.match(answer, /^WG_BRIDGE_LIBRARY_LOAD .*worker thread/);
  });
});
