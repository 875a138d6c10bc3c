import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { readElf } from "../../src/engine/elf.js";
import { onlyInSandbox } from "../sandbox.js";
import { npm } from "./installer.js";
import { Project } from "./project.js";
import { Registry } from "./registry.js";
import { allPackages, archOf, otherMachine, Release } from "./release.js";

onlyInSandbox();

describe(`${npm.name} installs wg-bridge for`, function () {
  this.timeout(600_000);
  let release: Release;
  let registry: Registry;

  before(async () => {
    release = Release.read();
    registry = await Registry.start(release.publications);
  });

  after(async () => registry?.[Symbol.asyncDispose]());

  it("each machine, with packages that are whole, if all are wanted", () => {
    const wanted = Object.keys(release.find("wg-bridge").manifest.optionalDependencies ?? {});
    assert.equal(wanted.length, 7);
    if (allPackages) assert.deepEqual(release.unbuilt, []);
  });

  const arches = ["x64", "arm64", "arm", "riscv64", "ppc64", "s390x", "loong64"];
  for (const arch of allPackages ? arches : [otherMachine]) {
    it(`${arch}, with executables for it, and no other package`, async () => {
      using project = new Project(npm, registry.url);
      await project.install(["install", "--os=linux", `--cpu=${arch}`, "wg-bridge"]);
      const packages = project.findInstalled().filter(({ manifest }) => manifest.os !== undefined);
      const [engine] = packages.filter(({ manifest }) => manifest.name.startsWith("@wg-bridge/"));
      assert.ok(engine !== undefined);
      assert.equal(archOf(engine.manifest.name), arch);
      for (const name of ["wireguard-go", "wireguard-go-userspace"]) {
        const executable: string = `${engine.directory}/bin/${name}`;
        assert.equal(statSync(executable).mode & 0o777, 0o755);
        assertBuiltFor(arch, executable);
      }
      const library = `${engine.directory}/lib/wireguard_go_bridge.so`;
      const needed = Object.keys(engine.manifest.dependencies ?? {});
      assert.deepEqual(needed, existsSync(library) ? [`@koromix/koffi-linux-${arch}`] : []);
      if (existsSync(library)) assertBuiltFor(arch, library);
      const names = packages.map(({ manifest }) => manifest.name).sort();
      assert.deepEqual(names, [engine.manifest.name, ...needed].sort());
    });
  }
});

function assertBuiltFor(arch: string, file: string): void {
  const elf = readElf(file);
  assert.equal(typeof elf === "string" ? elf : elf.architecture, arch, file);
}
