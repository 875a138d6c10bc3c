import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { packageRoot, sandboxScript, version } from "../src/artifacts.js";
import { enginePackage } from "../src/engine/files.js";
import { onlyInSandbox } from "./sandbox.js";

/**
 * Opens a tunnel on each backend, and prints the backend used or the error. In a function, because CommonJS has no
 * await outside functions.
 */
const program = `import { openTunnel, PrivateKey, WgBridgeError } from "wg-bridge";
  async function main() {
    for (const backend of ["auto", "ffi", "exec"]) {
      try {
        const privateKey = PrivateKey.generate();
        const tunnel = await openTunnel({ name: "wgb%d", backend, config: { privateKey, peers: [] } });
        const key = (await tunnel.status()).privateKey;
        await tunnel.close();
        console.log(backend, "uses", tunnel.backend, key.equals(privateKey), console.log(key) ?? tunnel.reason);
      } catch (error) {
        console.log(backend, "fails:", error instanceof WgBridgeError, error.code, error.message);
      }
    }
  }
  main();`;

const formats = [
  ["an ES module", ["--format=esm", "--outfile=out/bundle.mjs"]],
  ["CommonJS", ["--format=cjs", "--outfile=out/bundle.cjs"]],
  ["minified CommonJS", ["--format=cjs", "--minify", "--outfile=out/bundle.cjs"]],
  [
    "several ES modules",
    ["--format=esm", "--splitting", "--outdir=out", "--out-extension:.js=.mjs"],
  ],
] as const;

for (const [format, flags] of formats) {
  describe(`a bundle by esbuild as ${format}`, () => {
    onlyInSandbox();

    let project = "";
    let bundle = "";

    before(() => {
      project = mkdtempSync(`${tmpdir()}/wg-bridge-bundle-`);
      mkdirSync(`${project}/node_modules`);
      symlinkSync(packageRoot, `${project}/node_modules/wg-bridge`);
      writeFileSync(`${project}/bundle.js`, program);
      const esbuild = `${packageRoot}/node_modules/.bin/esbuild`;
      const words = ["bundle.js", "--bundle", "--platform=node", "--log-level=error", ...flags];
      execFileSync(esbuild, words, { cwd: project });
      bundle = format.endsWith("CommonJS") ? "bundle.cjs" : "bundle.mjs";
    });

    after(() => rmSync(project, { recursive: true }));

    function run(directory: string): readonly string[] {
      const args = ["node", `${directory}/${bundle}`];
      const options = { encoding: "utf8", timeout: 60_000 } as const;
      return execFileSync(sandboxScript, args, options).trimEnd().split("\n");
    }

    it("opens tunnels on both backends if the package is installed above it", () => {
      assert.deepEqual(run(`${project}/out`), [
        "PrivateKey(hidden)",
        "auto uses ffi true auto prefers ffi, and its library can be used.",
        "PrivateKey(hidden)",
        "ffi uses ffi true ffi was asked for.",
        "PrivateKey(hidden)",
        "exec uses exec true exec was asked for.",
      ]);
    });

    it("advises to mark the package as external if it is not", () => {
      const elsewhere = mkdtempSync(`${tmpdir()}/wg-bridge-moved-`);
      try {
        cpSync(`${project}/out`, elsewhere, { recursive: true });
        const advice = `A bundler has moved wg-bridge without its engine: mark wg-bridge external there (esbuild --external:wg-bridge), or run "npm install ${enginePackage}@${version}" in ${elsewhere}; see docs/bundlers.md of wg-bridge.`;
        assert.deepEqual(
          run(elsewhere),
          ["auto", "ffi", "exec"].map(
            (backend) => `${backend} fails: true WG_BRIDGE_ENGINE_MISSING ${advice}`,
          ),
        );
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });

    it("opens tunnels on both backends if only the engine's package is beside it", () => {
      const elsewhere = mkdtempSync(`${tmpdir()}/wg-bridge-moved-`);
      try {
        cpSync(`${project}/out`, elsewhere, { recursive: true });
        const engine = `${elsewhere}/node_modules/${enginePackage}`;
        const koffi = `node_modules/@koromix/koffi-linux-${process.arch}`;
        mkdirSync(`${engine}/lib`, { recursive: true });
        writeFileSync(`${engine}/package.json`, JSON.stringify({ version }));
        cpSync(`${packageRoot}/build/wireguard-go`, `${engine}/bin/wireguard-go`);
        const library = "wireguard_go_bridge.so";
        cpSync(`${packageRoot}/build/${library}`, `${engine}/lib/${library}`);
        cpSync(`${packageRoot}/${koffi}`, `${elsewhere}/${koffi}`, { recursive: true });
        const opened = run(elsewhere).filter((line) => !line.startsWith("PrivateKey"));
        assert.deepEqual(opened, [
          "auto uses ffi true auto prefers ffi, and its library can be used.",
          "ffi uses ffi true ffi was asked for.",
          "exec uses exec true exec was asked for.",
        ]);
        writeFileSync(`${engine}/package.json`, JSON.stringify({ version: "0.0.1" }));
        const [refused = ""] = run(elsewhere);
        assert.ok(refused.endsWith(`Run "npm install ${enginePackage}@${version}".`), refused);
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });

    it("opens tunnels on exec if only the package's programs are beside it", () => {
      const elsewhere = mkdtempSync(`${tmpdir()}/wg-bridge-moved-`);
      try {
        cpSync(`${project}/out`, elsewhere, { recursive: true });
        mkdirSync(`${elsewhere}/build`);
        for (const path of ["build/wireguard-go", "build/wireguard_go_bridge.so"]) {
          cpSync(`${packageRoot}/${path}`, `${elsewhere}/build/${basename(path)}`);
        }
        const [, auto = "", ffi = "", , exec = ""] = run(elsewhere);
        const koffi = /Koffi, .*: mark wg-bridge external there/;
        assert.match(
          auto,
          new RegExp(`^auto uses exec true auto falls back on exec: ${koffi.source}`),
        );
        assert.match(ffi, new RegExp(`^ffi fails: true WG_BRIDGE_LIBRARY_KOFFI ${koffi.source}`));
        assert.equal(exec, "exec uses exec true exec was asked for.");
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });
  });
}
