import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { packageRoot, version } from "../../src/artifacts.js";
import { enginePackage } from "../../src/engine/files.js";
import { onlyInSandbox } from "../sandbox.js";

const asRoot = process.geteuid?.() === 0;
const rootOnly = asRoot ? "" : " [skipped: only root refuses a file]";

const own = `linux-${process.arch}`;
const files = {
  executable: "bin/wireguard-go",
  userspaceExecutable: "bin/wireguard-go-userspace",
  library: "lib/wireguard_go_bridge.so",
} as const;
const reinstall = 'Install again, as with "rm -r node_modules && npm install".';

/** The head of an executable for 32-bit ARM, which is all that is looked at. */
const armHeader = Buffer.alloc(52);
armHeader.write("\x7fELF\x01\x01\x01", "latin1");
armHeader.writeUInt16LE(2, 16); // e_type: ET_EXEC
armHeader.writeUInt16LE(40, 18); // e_machine

describe("the engine of an installed package", () => {
  onlyInSandbox();

  let top = "";
  let project = "";
  let root = "";

  beforeEach(() => {
    top = mkdtempSync(`${tmpdir()}/wg-bridge-installed-`);
    project = `${top}/app`;
    root = `${project}/node_modules/wg-bridge`;
    installSelf(root);
  });

  afterEach(() => rmSync(top, { recursive: true }));

  /** Installs wg-bridge's JavaScript, as the published package has it. */
  function installSelf(directory: string): void {
    for (const path of ["package.json", "dist/src", "scripts/build"]) {
      cpSync(`${packageRoot}/${path}`, `${directory}/${path}`, { recursive: true });
    }
  }

  /** Installs a package with the engine of this machine, and returns its directory. */
  function installEngine(name = own, above = project, release: string = version): string {
    const directory = `${above}/node_modules/@wg-bridge/${name}`;
    mkdirSync(directory, { recursive: true });
    const manifest = { name: `@wg-bridge/${name}`, version: release };
    writeFileSync(`${directory}/package.json`, JSON.stringify(manifest));
    for (const path of Object.values(files)) {
      const built = `${packageRoot}/build/${path.replace(/^.*\//, "")}`;
      cpSync(built, `${directory}/${path}`, { recursive: true });
    }
    return directory;
  }

  /** Returns what each request chooses, in a process of its own: the path of a file, or code and message of an error. */
  function choices(
    directory = root,
    arch: string = process.arch,
    network: "tun" | "userspace" = "tun",
  ): Record<string, string> {
    const code = `Object.defineProperty(process, "arch", { value: "${arch}" });
      const { choose } = await import("${directory}/dist/src/strategy/choose.js");
      const { probe } = await import("${directory}/dist/src/strategy/probe.js");
      const found = await probe({}, { network: "${network}" });
      const choice = (request) => {
        try { return choose(request, found).path } catch (error) { return error.code + " " + error.message }
      };
      console.log(JSON.stringify({ auto: choice("auto"), ffi: choice("ffi"), exec: choice("exec") }));`;
    const args = ["--input-type=module", "--eval", code];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  }

  /** What choices returns if each request fails with the same error. */
  function allFail(error: string): Record<string, string> {
    return { auto: error, ffi: error, exec: error };
  }

  it("is in the package for this machine", () => {
    const engine = installEngine();
    const library = `${engine}/${files.library}`;
    const executable = `${engine}/${files.executable}`;
    assert.deepEqual(choices(), { auto: library, ffi: library, exec: executable });
  });

  it("has another executable for userspace tunnels", () => {
    const engine = installEngine();
    const userspace = () => choices(root, process.arch, "userspace");
    const executable = `${engine}/${files.userspaceExecutable}`;
    assert.deepEqual(userspace(), {
      auto: `${engine}/${files.library}`,
      ffi: `${engine}/${files.library}`,
      exec: executable,
    });
    rmSync(executable);
    assert.equal(
      userspace().exec,
      `WG_BRIDGE_EXECUTABLE_MISSING The package ${enginePackage} in ${engine} is incomplete: it has no executable for userspace tunnels. ${reinstall}`,
    );
  });

  it("is in the nearest such package, if several versions are installed", () => {
    installEngine(own, project, "0.0.1");
    const nested = installEngine(own, root);
    assert.equal(choices().exec, `${nested}/${files.executable}`);
  });

  it("is what was built in the package itself, if anything was", () => {
    const engine = installEngine();
    const built = `${root}/build/wireguard-go`;
    cpSync(`${engine}/${files.executable}`, built, { recursive: true });
    assert.equal(choices().exec, built);
    rmSync(engine, { recursive: true });
    assert.equal(
      choices().ffi,
      `WG_BRIDGE_LIBRARY_MISSING There is no library ${root}/build/wireguard_go_bridge.so, although the executable has been built. Run "npm run build --prefix ${root}".`,
    );
  });

  it("is missing if optional packages were left out", () => {
    assert.deepEqual(
      choices(),
      allFail(
        `WG_BRIDGE_ENGINE_MISSING ${enginePackage}, wg-bridge's engine for this machine, is not installed: optional packages were left out (--omit=optional, --no-optional, --ignore-optional), or the lock file does not list it. Run "npm install --include=optional" (with other package managers, a plain install; with Yarn 1, "yarn install --force").`,
      ),
    );
  });

  it("is missing if node_modules was copied from other machines", () => {
    installEngine("linux-s390x");
    installEngine("linux-loong64");
    assert.deepEqual(
      choices(),
      allFail(
        `WG_BRIDGE_ENGINE_MISSING @wg-bridge/linux-loong64 and @wg-bridge/linux-s390x are installed, and this machine needs ${enginePackage}: node_modules comes from another machine. Run "npm install" on this one, or there "npm install --os=linux --cpu=${process.arch}" (bun has --cpu, pnpm and Yarn have supportedArchitectures).`,
      ),
    );
  });

  it("is missing on a machine that has no package, and can be built if the sources are there", () => {
    const fact =
      "WG_BRIDGE_ENGINE_MISSING There is no package with wg-bridge's engine for linux-ia32.";
    assert.deepEqual(
      choices(root, "ia32"),
      allFail(
        `${fact} Run "npm run build --prefix ${root}", which needs Go, or build one elsewhere and name it with WIREGUARD_GO_EXECUTABLE (for userspace tunnels, WIREGUARD_GO_USERSPACE_EXECUTABLE).`,
      ),
    );
    rmSync(`${root}/scripts`, { recursive: true });
    assert.deepEqual(
      choices(root, "ia32"),
      allFail(
        `${fact} Build one elsewhere and name it with WIREGUARD_GO_EXECUTABLE (for userspace tunnels, WIREGUARD_GO_USERSPACE_EXECUTABLE).`,
      ),
    );
  });

  it("is missing in a checkout before the first build", () => {
    cpSync(`${packageRoot}/scripts/setup`, `${root}/scripts/setup`);
    assert.deepEqual(
      choices(),
      allFail(
        `WG_BRIDGE_ENGINE_MISSING wg-bridge's engine has not been built in ${root}. Run "npm run build --prefix ${root}".`,
      ),
    );
  });

  it("names a directory with spaces in a command that a shell can run", () => {
    const spaced = `${top}/my app/node_modules/wg-bridge`;
    installSelf(spaced);
    assert.match(
      choices(spaced, "ia32").exec ?? "",
      new RegExp(`Run "npm run build --prefix '${spaced}'"`),
    );
  });

  it("has no library in the packages of some processors, which leaves exec", () => {
    const engine = installEngine("linux-arm");
    rmSync(`${engine}/lib`, { recursive: true });
    writeFileSync(`${engine}/${files.executable}`, armHeader);
    const executable = `${engine}/${files.executable}`;
    assert.deepEqual(choices(root, "arm"), {
      auto: executable,
      ffi: "WG_BRIDGE_LIBRARY_MISSING There is no library for linux-arm: @wg-bridge/linux-arm contains only executables. Use --backend=exec.",
      exec: executable,
    });
  });

  it("is of this package's release, or refused", () => {
    const engine = installEngine(own, project, "0.0.1");
    assert.deepEqual(
      choices(),
      allFail(
        `WG_BRIDGE_ENGINE_VERSION wg-bridge is ${version}, and ${enginePackage} in ${engine} is 0.0.1: only packages of one release fit together. Run "npm install wg-bridge@${version}".`,
      ),
    );
  });

  it("is incomplete without one of its files", () => {
    const engine = installEngine();
    const fact = `The package ${enginePackage} in ${engine} is incomplete: it has`;
    rmSync(`${engine}/${files.executable}`);
    assert.equal(
      choices().exec,
      `WG_BRIDGE_EXECUTABLE_MISSING ${fact} no executable. ${reinstall}`,
    );
    rmSync(`${engine}/${files.library}`);
    rmSync(`${engine}/${files.userspaceExecutable}`);
    const neither = `WG_BRIDGE_ENGINE_MISSING ${fact} none of the engine's files. ${reinstall}`;
    assert.deepEqual(choices(), allFail(neither));
  });

  it("is refused if its package.json, or a file of it, was cut off", () => {
    const engine = installEngine();
    truncateSync(`${engine}/${files.executable}`, 100_000);
    truncateSync(`${engine}/${files.library}`, 100_000);
    const damaged = "is truncated: parts that its header names are missing";
    const { ffi, exec } = choices();
    assert.equal(
      ffi,
      `WG_BRIDGE_LIBRARY_TRUNCATED The library ${engine}/${files.library} ${damaged}. ${reinstall}`,
    );
    assert.equal(
      exec,
      `WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE The executable ${engine}/${files.executable} ${damaged}. ${reinstall}`,
    );
    truncateSync(`${engine}/package.json`, 10);
    const { auto = "" } = choices();
    assert.ok(auto.startsWith("WG_BRIDGE_ENGINE_"), auto);
    assert.ok(auto.includes(`${enginePackage} cannot be read (`), auto);
    assert.ok(auto.endsWith(reinstall), auto);
  });

  it("gives both reasons if its files are for another machine", () => {
    const engine = installEngine();
    for (const path of Object.values(files)) {
      const foreign = readFileSync(`${engine}/${path}`);
      foreign.writeUInt16LE(22, 18); // e_machine: IBM S/390
      writeFileSync(`${engine}/${path}`, foreign);
    }
    assert.equal(
      choices().auto,
      `WG_BRIDGE_EXECUTABLE_ARCHITECTURE Neither backend can be used. ffi: The library ${engine}/${files.library} is built for s390x, and this Node.js for ${process.arch}. ${reinstall} exec: The executable ${engine}/${files.executable} is built for s390x, and this machine is ${process.arch}. ${reinstall}`,
    );
  });

  it("gets back the right to be executed that a copy has lost", () => {
    const executable = `${installEngine()}/${files.executable}`;
    chmodSync(executable, 0o640);
    assert.equal(choices().exec, executable);
    assert.equal(statSync(executable).mode & 0o777, 0o750);
  });

  it(`does not get it back from root if others could exchange the file${rootOnly}`, function () {
    if (!asRoot) this.skip();
    const executable = `${installEngine()}/${files.executable}`;
    chmodSync(executable, 0o644);
    chmodSync(project, 0o777); // as root runs a user's project
    assert.equal(
      choices().exec,
      `WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE The executable ${executable} may not be executed. Run "chmod 755 ${executable}" as its owner.`,
    );
    assert.equal(statSync(executable).mode & 0o777, 0o644);
  });

  it("is refused on a file system mounted with noexec, with the command that allows it", () => {
    const mount = `${top}/mounted here`;
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "noexec", "none", mount]);
    try {
      installSelf(`${mount}/node_modules/wg-bridge`);
      const executable = `${installEngine(own, mount)}/${files.executable}`;
      assert.equal(
        choices(`${mount}/node_modules/wg-bridge`).exec,
        `WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE The executable ${executable} may not be executed. Its file system ${mount} is mounted with noexec: run "mount -o remount,exec '${mount}'" as root, or install on another one.`,
      );
      execFileSync("mount", ["-o", "remount,exec", mount]);
      assert.equal(choices(`${mount}/node_modules/wg-bridge`).exec, executable);
    } finally {
      execFileSync("umount", [mount]);
    }
  });

  it(`is refused to root in a node_modules above it that others may write${rootOnly}`, function () {
    if (!asRoot) this.skip();
    const executable = `${installEngine(own, top)}/${files.executable}`;
    assert.equal(choices().exec, executable);
    const open = `${top}/node_modules`;
    chmodSync(open, 0o777);
    assert.equal(
      choices().exec,
      `WG_BRIDGE_UNTRUSTED Root does not run ${executable}, which is not installed beside wg-bridge: ${open} may be written by others (mode 777), so another user could put a program of theirs there. Run "chown root ${open} && chmod go-w ${open}", or install it there.`,
    );
    chmodSync(project, 0o777); // whoever may write wg-bridge itself may do anything
    assert.equal(choices().exec, executable);
  });

  it("is beside an Electron archive, from which nothing can be executed", () => {
    const archived = `${top}/app.asar`;
    installSelf(`${archived}/node_modules/wg-bridge`);
    const engine = installEngine(own, archived);
    const unpacked = engine.replace("/app.asar/", "/app.asar.unpacked/");
    const executable = `${unpacked}/${files.executable}`;
    assert.equal(
      choices(`${archived}/node_modules/wg-bridge`).exec,
      `WG_BRIDGE_EXECUTABLE_MISSING There is no ${executable}, and nothing can be loaded or started from inside an Electron archive. Have the packager unpack "**/@wg-bridge/**" and "**/@koromix/**" (asarUnpack of electron-builder, asar.unpack of Electron Forge); see docs/bundlers.md of wg-bridge.`,
    );
    mkdirSync(dirname(unpacked), { recursive: true });
    cpSync(engine, unpacked, { recursive: true });
    assert.equal(choices(`${archived}/node_modules/wg-bridge`).exec, executable);
  });
});
