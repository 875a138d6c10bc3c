import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { packageRoot } from "../src/artifacts.js";
import { onlyInSandbox } from "./sandbox.js";

/** Returns what a new process has loaded after running a line of code. */
function loadedBy(line: string): { readonly builtin: string[]; readonly files: string[] } {
  const report = `
    const { Module } = await import("node:module");
    console.log(JSON.stringify({ builtin: process.moduleLoadList, files: Object.keys(Module._cache) }));`;
  const words = ["--input-type=module", "--eval", `${line};${report}`];
  return JSON.parse(execFileSync(process.execPath, words, { cwd: packageRoot, encoding: "utf8" }));
}

describe("importing the package", () => {
  onlyInSandbox();

  it("loads no other package, and no module of Node.js that is slow to load", () => {
    const before = loadedBy("");
    const { builtin, files } = loadedBy('await import("wg-bridge")');
    assert.deepEqual(files, []);
    for (const name of ["crypto", "http", "tls", "dns", "child_process"]) {
      const module = `NativeModule ${name}`;
      assert.ok(before.builtin.includes(module) || !builtin.includes(module), name);
    }
  });

  it("leaves koffi to the tunnels that use it", () => {
    const opened = (backend: string) =>
      loadedBy(`const { openBackend } = await import("./dist/src/strategy/open.js");
        await openBackend("${backend}")`).files.filter((file) => file.endsWith("/koffi.node"));
    assert.equal(opened("exec").length, 0);
    assert.notEqual(opened("ffi").length, 0);
  });
});
