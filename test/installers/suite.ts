import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { networkInterfaces } from "node:os";
import { interfaceExists } from "../sandbox.js";
import type { Installer } from "./installer.js";
import { Project } from "./project.js";
import { installScriptsOf, Registry } from "./registry.js";
import { platformPackage, Release } from "./release.js";
import { warningsIn } from "./warnings.js";

/** The largest project that consists of wg-bridge alone, in bytes. */
const largestProject = 34_500_000;

/** Declares what must hold after each package manager has installed wg-bridge. */
export function installs(installer: Installer): void {
  describe(`${installer.name} installs wg-bridge${installer.mark}`, function () {
    this.timeout(600_000);
    let registry: Registry;
    let project: Project;
    let output = "";
    let release: Release;

    before(async function () {
      if (installer.mark !== "") this.skip();
      release = Release.read();
      registry = await Registry.start(release.publications);
      project = new Project(installer, registry.url);
      output = await project.install(installer.add);
    });

    after(async () => {
      project?.[Symbol.dispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    it("from the registry alone", () => {
      assert.deepEqual(Object.keys(networkInterfaces()), ["lo"]);
      assert.deepEqual(registry.takeMissing(), []);
      const platformPackages = registry
        .takeDownloads()
        .filter((name) => name.startsWith("@wg-bridge/"));
      const all = Object.keys(release.find("wg-bridge").manifest.optionalDependencies ?? {});
      assert.deepEqual(platformPackages, installer.downloadsAll ? all.sort() : [platformPackage]);
    });

    it("without a warning", () => assert.deepEqual(warningsIn(output), []));

    it("with one platform package, and without an install script", () => {
      const packages = project.findInstalled();
      const names = packages.map(({ manifest }) => manifest.name);
      assert.ok(names.includes("wg-bridge") || installer.runNode !== undefined, names.join());
      assert.deepEqual(
        names.filter((name) => name.startsWith("@wg-bridge/")),
        [platformPackage],
      );
      const scripts = packages.flatMap(({ manifest }) => installScriptsOf(manifest.scripts));
      assert.deepEqual(scripts, []);
    });

    it("with executables that may be executed", () => {
      const installed = project
        .findInstalled()
        .find(({ manifest }) => manifest.name === platformPackage);
      assert.ok(installed !== undefined);
      for (const name of ["wireguard-go", "wireguard-go-userspace"]) {
        accessSync(`${installed.directory}/bin/${name}`, constants.X_OK);
      }
    });

    it(`in at most ${largestProject / 1e6} MB`, () => {
      const size = project.size();
      console.log(`${installer.name}: ${(size / 1e6).toFixed(1)} MB`);
      assert.ok(size <= largestProject, `${size} bytes`);
    });

    it("so that tunnels carry packets", () => opensTunnels(project));

    it("again from the lock file, without a warning", async () => {
      project.removeInstalled();
      assert.deepEqual(warningsIn(await project.install(installer.again)), []);
      await opensTunnels(project);
    });
  });
}

/** A project that a package manager installs without this machine's package, and what adds it. */
export interface Incomplete {
  readonly title: string;
  readonly add: readonly string[];
  /** What is appended to a file of the project before. */
  readonly setting?: readonly [file: string, text: string];
  /** What the reason says besides its code. */
  readonly reason: string;
  readonly cure: readonly string[];
  /** What is appended to the same file before the cure. */
  readonly cureSetting?: string;
}

export const withoutOptional = `${platformPackage}, wg-bridge's engine for this machine, is not installed`;

/** Returns why a project with the packages of another machine is refused. */
export function fromOther(arch: string): string {
  return `@wg-bridge/linux-${arch} is installed, and this machine needs ${platformPackage}`;
}

/** Declares that incomplete projects are refused with a reason, and work after the cure. */
export function repairs(installer: Installer, projects: readonly Incomplete[]): void {
  describe(`a project of ${installer.name}${installer.mark}`, function () {
    this.timeout(600_000);
    let registry: Registry;

    before(async function () {
      if (installer.mark !== "") this.skip();
      registry = await Registry.start(Release.read().publications);
    });

    after(async () => registry?.[Symbol.asyncDispose]());

    for (const { title, add, setting, reason, cure, cureSetting = "" } of projects) {
      it(`${title} is refused, and works after "${cure.join(" ")}"`, async () => {
        using project = new Project(installer, registry.url);
        const [file = "package.json", text = ""] = setting ?? [];
        project.append(file, text);
        await project.install(add);
        await refuses(project, "WG_BRIDGE_ENGINE_MISSING", reason);
        project.append(file, cureSetting);
        await project.install(cure);
        await opensTunnels(project);
      });
    }
  });
}

/** Fails unless tunnels of both backends carry packets, and leave nothing behind. */
export async function opensTunnels(project: Project): Promise<void> {
  const { status, output } = await project.runProgram("auto", "ffi", "exec");
  assert.equal(status, 0, output);
  assert.match(output, /^auto: ffi\nffi: ffi\nexec: exec\n/);
  for (const name of ["wgnear", "wgfar"]) assert.equal(interfaceExists(name), false);
}

/** Fails unless no tunnel can be opened, for a reason with this code and these words. Returns the reason. */
export async function refuses(project: Project, code: string, words: string): Promise<string> {
  const { status, output } = await project.runProgram("auto");
  assert.equal(status, 1, output);
  assert.ok(output.startsWith(`${code}: `) && output.includes(words), output);
  return output;
}

/** Fails unless tunnels carry packets after the command that a reason names. */
export async function isCured(project: Project, reason: string): Promise<void> {
  const command = /"(npm install[^"]*)"/.exec(reason)?.[1];
  assert.ok(command !== undefined, reason);
  await project.install(command.split(" ").slice(1));
  await opensTunnels(project);
}
