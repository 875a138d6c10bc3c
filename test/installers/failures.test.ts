import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, statSync } from "node:fs";
import { onlyInSandbox } from "../sandbox.js";
import { npm } from "./installer.js";
import { Project } from "./project.js";
import { type Publication, repack, unpack } from "./publication.js";
import { Registry } from "./registry.js";
import { otherMachine, platformPackage, Release } from "./release.js";
import { isCured, opensTunnels, refuses } from "./suite.js";

onlyInSandbox();

/** What the tests read of package-lock.json. */
interface LockFile {
  readonly packages: Readonly<Record<string, object>>;
}

/** A release that never was. */
const otherVersion = "0.0.0-other";

describe(`a project of ${npm.name}`, function () {
  this.timeout(600_000);
  let release: Release;
  let other: Publication;
  let registry: Registry;

  before(async () => {
    release = Release.read();
    other = repack(release.find(platformPackage), { version: otherVersion });
    registry = await Registry.start([other, ...release.publications]);
  });

  after(async () => registry[Symbol.asyncDispose]());

  function open(manifest?: object): Project {
    return new Project(npm, registry.url, manifest);
  }

  it("without optional packages says so, with the command that adds them", async () => {
    using project = open();
    await project.install(["install", "--omit=optional", "wg-bridge"]);
    const words = `${platformPackage}, wg-bridge's engine for this machine, is not installed: optional packages were left out`;
    await isCured(project, await refuses(project, "WG_BRIDGE_ENGINE_MISSING", words));
  });

  it("that was copied from another machine says so, with the command that adds this one", async () => {
    using project = open();
    await project.install(["install", "--os=linux", `--cpu=${otherMachine}`, "wg-bridge"]);
    const words = `@wg-bridge/linux-${otherMachine} is installed, and this machine needs ${platformPackage}`;
    await isCured(project, await refuses(project, "WG_BRIDGE_ENGINE_MISSING", words));
  });

  it("whose lock file was written on another machine is installed on this one", async () => {
    using project = open();
    const words = ["--package-lock-only", "--os=linux", `--cpu=${otherMachine}`, "wg-bridge"];
    await project.install(["install", ...words]);
    const lock = readLock(project);
    const all = Object.keys(release.find("wg-bridge").manifest.optionalDependencies ?? {});
    assert.equal(all.length, 7);
    assert.deepEqual(
      all.filter((name) => lock.packages[`node_modules/${name}`] === undefined),
      [],
    );
    await project.install(["ci"]);
    await opensTunnels(project);
  });

  it("whose lock file lacks this machine is refused, until npm has added it", async () => {
    using project = open();
    await project.install(["install", "--package-lock-only", "wg-bridge"]);
    const { packages, ...lock } = readLock(project);
    const { [`node_modules/${platformPackage}`]: _own, ...others } = packages;
    project.write("package-lock.json", JSON.stringify({ ...lock, packages: others }));
    const { status, output } = await project.run(["npm", "ci"]);
    assert.equal(status, 1);
    assert.match(output, new RegExp(`Missing: ${platformPackage}@.* from lock file`));
    await project.install(["install"]);
    await opensTunnels(project);
  });

  it("with another version beside the right one uses the right one", async () => {
    using project = open();
    await project.install(["install", "wg-bridge", `${platformPackage}@${otherVersion}`]);
    await opensTunnels(project);
  });

  it("with another version in place of the right one names both, with the command that replaces it", async () => {
    using project = open();
    await project.install(["install", "wg-bridge"]);
    const directory = `${project.directory}/node_modules/${platformPackage}`;
    rmSync(directory, { recursive: true });
    unpack(other, directory);
    await isCured(project, await refuses(project, "WG_BRIDGE_ENGINE_VERSION", otherVersion));
  });

  it("that overrides the version names both", async () => {
    using project = open({ overrides: { [platformPackage]: otherVersion } });
    await project.install(["install", "wg-bridge"]);
    const reason = await refuses(project, "WG_BRIDGE_ENGINE_VERSION", otherVersion);
    project.writeManifest();
    await isCured(project, reason);
  });

  it("whose executable lost its mode gets it back", async () => {
    using project = open();
    await project.install(["install", "--ignore-scripts", "wg-bridge"]);
    const executable = `${project.directory}/node_modules/${platformPackage}/bin/wireguard-go`;
    chmodSync(executable, 0o644);
    await opensTunnels(project);
    assert.equal(statSync(executable).mode & 0o777, 0o755);
  });

  it("that was installed without scripts works", async () => {
    using project = open();
    await project.install(["install", "--ignore-scripts", "wg-bridge"]);
    await opensTunnels(project);
  });
});

function readLock(project: Project): LockFile {
  return JSON.parse(readFileSync(`${project.directory}/package-lock.json`, "utf8"));
}
