import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot, sandboxScript } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../sandbox.js";

/** The permission model's flag, as this Node.js spells it. */
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";
const files = [permission, "--allow-fs-read=*", "--allow-fs-write=*"];
const network = process.allowedNodeEnvironmentFlags.has("--allow-net") ? ["--allow-net"] : [];

/** Opens a tunnel on each backend in a new process, and returns what that prints: the backend used or the error. */
function open(flags: readonly string[], root = packageRoot): string {
  const code = `import { openTunnel } from "${root}/dist/src/index.js";
    for (const backend of ["auto", "ffi", "exec"]) {
      try {
        const tunnel = await openTunnel({ name: "wgk%d", backend });
        console.log(backend, "uses", tunnel.backend + ":", tunnel.reason);
        await tunnel.close();
      } catch (error) {
        console.log(backend, "fails:", error.code, error.message);
      }
    }`;
  const args = ["node", "--no-warnings", ...flags, "--input-type=module", "--eval", code];
  return execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000 });
}

/** Matches what `open` prints if only ffi cannot be used; reason and remedy are regular expressions. */
function onlyExec(reason: string, remedy: string): RegExp {
  const koffi = `Koffi, which calls the Go library, cannot be loaded: ${reason}\\. ${remedy}, or use --backend=exec\\.`;
  return new RegExp(
    `^auto uses exec: auto falls back on exec: ${koffi}\nffi fails: WG_BRIDGE_LIBRARY_KOFFI ${koffi}\nexec uses exec: .*\n$`,
  );
}

describe("without Koffi", () => {
  onlyInSandbox();

  const forbidden = onlyExec(".*addons is disabled", "Start node without --no-addons, .*");

  it("auto uses exec if Node.js may not load addons, and ffi reports why", () => {
    assert.match(open(["--no-addons"]), forbidden);
  });

  it("auto uses exec under the permission model if that allows child processes", () => {
    assert.match(open([...files, ...network, "--allow-child-process"]), forbidden);
  });

  it("exec names the flag that the permission model needs", () => {
    const denied = "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE .*start node with --allow-child-process";
    const printed = open([...files, ...network]);
    assert.match(
      printed,
      new RegExp(`^auto fails: ${denied}.*\nffi fails: .*\nexec fails: ${denied}`),
    );
  });

  it("each backend names the flag for files that the permission model hides", () => {
    const flags = [permission, `--allow-fs-read=${packageRoot}/dist/*`];
    const printed = open([...flags, `--allow-fs-read=${packageRoot}/package.json`]);
    assert.match(printed, /^auto fails: WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE .*--allow-fs-read/);
    assert.match(printed, /^ffi fails: WG_BRIDGE_LIBRARY_LOAD .*--allow-fs-read/m);
    assert.match(printed, /^exec fails: WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE .*--allow-fs-read/m);
  });

  it("doctor reports that, and that auto chooses exec", () => {
    const main = `${packageRoot}/dist/src/cli/main.js`;
    const args = ["node", "--no-addons", main, "doctor"];
    const printed = execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000 });
    assert.match(printed, /^warn +library \(ffi\) +WG_BRIDGE_LIBRARY_KOFFI: /m);
    assert.match(printed, /^--backend=auto chooses exec: /m);
    assert.match(printed, /^This user can open a tunnel\.$/m);
  });

  it("doctor still reports if it may not start processes", () => {
    const main = `${packageRoot}/dist/src/cli/main.js`;
    const args = ["node", "--no-warnings", ...files, main, "doctor", "--json"];
    assert.throws(
      () => execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000 }),
      ({ stdout }: { stdout: string }) => {
        const printed: { canOpenTunnel: boolean } = JSON.parse(stdout);
        return printed.canOpenTunnel === false;
      },
    );
  });

  describe("installed by npm install --omit=optional", () => {
    let directory = "";

    // Koffi is installed, but its native part, a package of its own, is not.
    before(() => {
      directory = mkdtempSync(`${tmpdir()}/wg-bridge-omit-`);
      const root = `${directory}/node_modules/wg-bridge`;
      for (const file of ["package.json", "dist/src", "build/wireguard-go"]) {
        mkdirSync(`${root}/build`, { recursive: true });
        cpSync(`${packageRoot}/${file}`, `${root}/${file}`, { recursive: true });
      }
      cpSync(`${packageRoot}/build/wireguard_go_bridge.so`, `${root}/build/wireguard_go_bridge.so`);
      const others = ["path-key", "shebang-command", "shebang-regex", "which", "isexe", "semver"];
      for (const name of ["koffi", "cross-spawn", ...others]) {
        const options = { recursive: true, dereference: true };
        cpSync(`${packageRoot}/node_modules/${name}`, `${directory}/node_modules/${name}`, options);
      }
    });

    after(() => rmSync(directory, { recursive: true }));

    it("auto uses exec", () => {
      const printed = open([], `${directory}/node_modules/wg-bridge`);
      assert.match(
        printed,
        onlyExec("Cannot find the native Koffi module.*", "Install it with .*"),
      );
    });

    it("auto uses exec if all of Koffi is missing as well", () => {
      rmSync(`${directory}/node_modules/koffi`, { recursive: true });
      const printed = open([], `${directory}/node_modules/wg-bridge`);
      assert.match(printed, onlyExec("Cannot find module 'koffi'", "Install it with .*"));
    });
  });
});
