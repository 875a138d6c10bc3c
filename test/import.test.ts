import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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

/** Returns which folders of the package, and which other packages, a new process has run code of after some lines. */
function foldersRunBy(lines: string): Set<string> {
  const directory = mkdtempSync(`${tmpdir()}/wg-bridge-import-`);
  try {
    const words = ["--input-type=module", "--eval", lines];
    const env = { ...process.env, NODE_V8_COVERAGE: directory };
    execFileSync(process.execPath, words, { cwd: packageRoot, env });
    const reports = readdirSync(directory).map((file) =>
      readFileSync(`${directory}/${file}`, "utf8"),
    );
    const paths = reports.join().matchAll(/\/(?:dist\/src|node_modules)\/([\w-]+)\//g);
    return new Set([...paths].map(([, folder = ""]) => folder));
  } finally {
    rmSync(directory, { recursive: true });
  }
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

  const userspace = ["proxy", "station", "undici", "userspace"];

  it("leaves userspace tunnels to the programs that open one", () => {
    for (const backend of ["exec", "ffi"]) {
      const run = foldersRunBy(`import { openTunnel } from "wg-bridge";
        const tunnel = await openTunnel({ name: "wgi0", backend: "${backend}" });
        await tunnel.status();
        await tunnel.close();`);
      assert.ok(run.has("tunnel"));
      for (const folder of userspace) assert.ok(!run.has(folder), `${backend} runs ${folder}`);
    }
  });

  it("leaves undici to the userspace tunnels that fetch", () => {
    const run = (line: string) =>
      foldersRunBy(`import { openTunnel } from "wg-bridge";
        const config = { privateKey: "${Buffer.alloc(32, 1).toString("base64")}", peers: [] };
        const tunnel = await openTunnel({ network: "userspace", addresses: ["10.0.0.1"], config });
        ${line}
        await tunnel.close();`);
    const opened = run("");
    assert.ok(opened.has("userspace") && opened.has("station"));
    assert.ok(!opened.has("undici"));
    assert.ok(run("await (await tunnel.dispatcher()).close();").has("undici"));
  });
});
