import assert from "node:assert/strict";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { compareVersions, readNeeds } from "../../packages/elf.js";
import {
  findInstallScripts,
  problemsOfEngine,
  problemsOfMain,
  problemsOfProgram,
} from "../../packages/inspect.js";
import { packageRoot } from "../../src/artifacts.js";

const executable = `${packageRoot}/build/wireguard-go`;
const library = `${packageRoot}/build/wireguard_go_bridge.so`;
const here = { arch: process.arch, goarch: "any" };

describe("the inspection of a package", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/inspected-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const put = (file: string, text: string) => {
    mkdirSync(dirname(`${directory}/${file}`), { recursive: true });
    writeFileSync(`${directory}/${file}`, text);
    chmodSync(`${directory}/${file}`, 0o644);
  };

  it("accepts a static executable for its processor, and no other", () => {
    mkdirSync(`${directory}/bin`);
    const path = `${directory}/bin/wireguard-go`;
    copyFileSync(executable, path);
    assert.deepEqual(problemsOfProgram(path, here), []);
    assert.match(
      problemsOfProgram(path, { arch: "s390x", goarch: "s390x" }).join(),
      /wireguard-go is for \w+, not for s390x\.$/,
    );
    // Node.js needs a dynamic loader.
    rmSync(path);
    symlinkSync(process.execPath, path);
    assert.match(problemsOfProgram(path, here).join(), /is not static: it needs .*libc\.so\.6/);
  });

  it("refuses a library that needs a glibc newer than 2.17", () => {
    const newest = readNeeds(library).glibc.at(-1);
    assert.ok(newest !== undefined);
    const problems = problemsOfProgram(library, here).join();
    // The compiler of this machine links against this machine's glibc.
    if (compareVersions(newest, "2.17") > 0) {
      assert.equal(problems, `${library} needs GLIBC_${newest}, and may need GLIBC_2.17 at most.`);
    } else {
      assert.equal(problems, "");
    }
  });

  it("orders versions by their numbers", () => {
    const sorted = ["2.17", "2.2.5", "PRIVATE", "2.9", "2.34", "2.3"].sort(compareVersions);
    assert.deepEqual(sorted, ["2.2.5", "2.3", "2.9", "2.17", "2.34", "PRIVATE"]);
  });

  it("names the files and modes that differ from what an engine's package contains", () => {
    for (const file of ["LICENSE", "README.md", "package.json", "notes.txt"]) put(file, "");
    put("bin/wireguard-go", "");
    assert.deepEqual(problemsOfEngine(directory, here, "go1.0"), [
      "It has no -rwxr-xr-x bin/wireguard-go.",
      "It has no -rwxr-xr-x bin/wireguard-go-userspace.",
      "It has no -rw-r--r-- sbom.cdx.json.",
      "It has no -rw-r--r-- third-party-licenses.txt.",
      "It contains -rw-r--r-- bin/wireguard-go.",
      "It contains -rw-r--r-- notes.txt.",
    ]);
  });

  it("names each module without a licence or an entry in the bill of materials, and another Go", () => {
    mkdirSync(`${directory}/bin`);
    for (const name of ["wireguard-go", "wireguard-go-userspace"]) {
      copyFileSync(`${packageRoot}/build/${name}`, `${directory}/bin/${name}`);
    }
    for (const file of ["LICENSE", "README.md", "package.json"]) put(file, "");
    for (const file of ["third-party-licenses.txt", "sbom.cdx.json"]) put(file, "");
    const problems = problemsOfEngine(directory, here, "go1.0").join("\n");
    assert.match(problems, /wireguard-go was not built by go1\.0\./);
    assert.match(problems, /^The licence of gvisor\.dev\/gvisor v\S+ is missing\.$/m);
    assert.match(problems, /^The licence of golang\.zx2c4\.com\/wireguard v\S+ is missing\.$/m);
    assert.match(problems, /^The bill of materials does not list golang\.org\/x\/sys v\S+\.$/m);
  });

  it("finds programs and tests in the main package, and what its bill of materials does not list", () => {
    put("package.json", '{ "dependencies": { "semver": "7.8.6", "which": "2.0.2" } }');
    put("sbom.cdx.json", '{ "purl": "pkg:npm/which@2.0.2" }');
    put("go/tun/read_test.go", "");
    put("dist/src/index.js", "");
    copyFileSync(executable, `${directory}/engine`);
    assert.deepEqual(problemsOfMain(directory), [
      "It contains go/tun/read_test.go.",
      "It contains engine, a program.",
      "The bill of materials does not list semver 7.8.6.",
    ]);
  });

  it("finds what runs at install", () => {
    put("node_modules/quiet/package.json", '{ "scripts": { "test": "true" } }');
    put("node_modules/@a/loud/package.json", '{ "scripts": { "postinstall": "make" } }');
    put("node_modules/native/binding.gyp", "");
    assert.deepEqual(findInstallScripts(directory), [
      "node_modules/@a/loud/package.json runs postinstall: make",
      "node_modules/native/binding.gyp makes npm run node-gyp.",
    ]);
  });
});
