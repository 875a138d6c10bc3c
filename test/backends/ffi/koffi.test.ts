import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { packageRoot, sandboxScript } from "../../../src/artifacts.js";
import { koffiVersion } from "../../../src/backends/ffi/koffi.js";
import { libraryPath } from "../../../src/engine/files.js";
import { onlyInSandbox } from "../../sandbox.js";

/** The permission model's flag, as this Node.js spells it. */
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";
const files = [permission, "--allow-fs-read=*", "--allow-fs-write=*"];
const network = process.allowedNodeEnvironmentFlags.has("--allow-net") ? ["--allow-net"] : [];

/** Opens a tunnel on each backend in a new process, and returns what that prints: the backend used or the error. */
function open(flags: readonly string[], root = packageRoot, env = process.env): string {
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
  return execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000, env });
}

/** Matches what `open` prints if only ffi cannot be used; reason and remedy are regular expressions. */
function onlyExec(reason: string, remedy: string, end = ", or use --backend=exec\\."): RegExp {
  const koffi = `Koffi, which calls the Go library, cannot be loaded: ${reason}\\. ${remedy}${end}`;
  return new RegExp(
    `^auto uses exec: auto falls back on exec: ${koffi}\nffi fails: WG_BRIDGE_LIBRARY_KOFFI ${koffi}\nexec uses exec: .*\n$`,
  );
}

const addonFile = `@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`;

/** The path of Koffi's addon that a module in `directory` finds first. */
function addonPath(directory: string): string {
  return `${directory}/node_modules/${addonFile}`;
}

/** Installs Koffi's addon, and returns its path. */
function copyAddon(directory: string): string {
  const path = addonPath(directory);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(`${packageRoot}/node_modules/${addonFile}`, path);
  return path;
}

/** The hash of a symbol's version, by which the dynamic loader finds it. Source: the ELF specification, "Hash Table". */
function elfHash(name: string): number {
  let hash = 0;
  for (const byte of Buffer.from(name, "latin1")) {
    hash = (hash << 4) + byte;
    const high = hash & 0xf0000000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}

/** Makes a library need a release of glibc that there is not, in place of the newest that it needs. */
function wantNewerGlibc(library: Buffer): void {
  const needed = [...new Set(library.toString("latin1").match(/GLIBC_2\.\d\d(?=\0)/g))];
  const newest = needed.sort().at(-1);
  assert.ok(newest);
  const hash = Buffer.alloc(4);
  hash.writeUInt32LE(elfHash(newest));
  library.write("GLIBC_9.99", library.indexOf(`${newest}\0`), "latin1");
  const at = library.indexOf(hash);
  assert.notEqual(at, -1);
  library.writeUInt32LE(elfHash("GLIBC_9.99"), at);
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
    let root = "";

    before(() => {
      directory = mkdtempSync(`${tmpdir()}/wg-bridge-omit-`);
      root = `${directory}/node_modules/wg-bridge`;
      for (const file of ["package.json", "dist/src", "build/wireguard-go"]) {
        mkdirSync(`${root}/build`, { recursive: true });
        cpSync(`${packageRoot}/${file}`, `${root}/${file}`, { recursive: true });
      }
      cpSync(`${packageRoot}/build/wireguard_go_bridge.so`, `${root}/build/wireguard_go_bridge.so`);
      const others = ["path-key", "shebang-command", "shebang-regex", "which", "isexe", "semver"];
      for (const name of ["cross-spawn", ...others]) {
        const options = { recursive: true, dereference: true };
        cpSync(`${packageRoot}/node_modules/${name}`, `${directory}/node_modules/${name}`, options);
      }
    });

    after(() => rmSync(directory, { recursive: true }));

    it("auto uses exec", () => {
      const missing = `the package @koromix/koffi-linux-${process.arch} is not installed`;
      assert.match(open([], root), onlyExec(missing, "Install it with the optional packages .*"));
    });

    it("ffi uses the Koffi of the package with the engine, which is of the right release", () => {
      const engine = `${directory}/node_modules/@wg-bridge/linux-${process.arch}`;
      mkdirSync(engine, { recursive: true });
      writeFileSync(`${engine}/package.json`, "{}");
      copyAddon(engine);
      // Another release, which another package depends on.
      const other = readFileSync(copyAddon(directory));
      other.write("2.9.0", other.indexOf(`${koffiVersion}\0`), "latin1");
      writeFileSync(addonPath(directory), other);
      assert.match(open([], root), /^auto uses ffi:/);
      rmSync(`${directory}/node_modules/@wg-bridge`, { recursive: true });
      assert.match(
        open([], root),
        onlyExec(".*koffi.node is Koffi 2.9.0, and wg-bridge needs 3.*", "Install it with .*"),
      );
    });

    it("ffi names the C library that Koffi needs if this system's is older", () => {
      const addon = readFileSync(copyAddon(directory));
      wantNewerGlibc(addon);
      writeFileSync(addonPath(directory), addon);
      const old =
        "it needs GLIBC_9.99, and the C or C\\+\\+ library of this system is older \\(.*\\)";
      assert.match(open([], root), onlyExec(old, "Use --backend=exec\\.", ""));
    });

    it("ffi gives the loader's reason if Koffi is damaged", () => {
      writeFileSync(copyAddon(directory), "not a library");
      assert.match(
        open([], root),
        onlyExec(".*koffi.node: file too short", "Use --backend=exec\\.", ""),
      );
    });

    it("ffi uses the Koffi beside a library that is named, unless another user could change it", () => {
      const elsewhere = mkdtempSync(`${tmpdir()}/wg-bridge-named-`);
      try {
        const library = `${elsewhere}/wireguard_go_bridge.so`;
        cpSync(libraryPath({}), library);
        copyAddon(elsewhere);
        rmSync(`${directory}/node_modules/@koromix`, { recursive: true, force: true });
        const env = { ...process.env, WIREGUARD_GO_BRIDGE_LIB_PATH: library };
        assert.match(open([], root, env), /^auto uses ffi:/);
        chmodSync(addonPath(elsewhere), 0o666);
        assert.match(
          open([], root, env),
          onlyExec(
            "root does not run .*koffi.node, because .* may be written by others \\(mode 666\\), .*",
            'Run "chown root .*',
          ),
        );
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });
  });
});
