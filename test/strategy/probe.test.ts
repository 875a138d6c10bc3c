import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { libraryPath } from "../../src/artifacts.js";
import { type Artifact, probeExecutable, probeLibrary } from "../../src/strategy/probe.js";

describe("the probe of the files that backends need", () => {
  let directory = "";
  let library: Buffer;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-probe-"));
    library = readFileSync(libraryPath({}));
  });

  after(() => rmSync(directory, { recursive: true }));

  function file(content: Buffer | string, mode = 0o644): string {
    const path = join(directory, "file");
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  function assertProblem(artifact: Artifact, code: string, remedy: RegExp): void {
    assert.equal(artifact.problem?.code, code);
    assert.match(artifact.problem.message, remedy);
    assert.ok(artifact.problem.message.includes(artifact.path));
  }

  it("finds nothing wrong with the library that was built", () => {
    assert.equal(probeLibrary(libraryPath({})).problem, undefined);
  });

  it("finds that a library is missing", () => {
    const artifact = probeLibrary(join(directory, "none.so"));
    assertProblem(artifact, "WG_BRIDGE_LIBRARY_MISSING", /npm run build/);
  });

  it("finds that a library is empty", () => {
    assertProblem(probeLibrary(file("")), "WG_BRIDGE_LIBRARY_EMPTY", /npm run build/);
  });

  it("finds that a library is truncated", () => {
    const path = file(library);
    truncateSync(path, library.length - 1);
    assertProblem(probeLibrary(path), "WG_BRIDGE_LIBRARY_TRUNCATED", /npm run build/);
  });

  it("finds that a library is not an ELF file", () => {
    assertProblem(probeLibrary(file("text")), "WG_BRIDGE_LIBRARY_NOT_ELF", /npm run build/);
  });

  it("finds that a library is built for another machine", () => {
    const other = Buffer.from(library);
    other.writeUInt16LE(22, 18); // e_machine: IBM S/390
    const artifact = probeLibrary(file(other));
    assertProblem(artifact, "WG_BRIDGE_LIBRARY_ARCHITECTURE", /s390x/);
  });

  it("finds that a library has 32 bits", () => {
    const other = Buffer.from(library.subarray(0, 4096));
    other[4] = 1; // EI_CLASS: with zeros for the 32-bit tables
    other.fill(0, 28, 52);
    const artifact = probeLibrary(file(other));
    assertProblem(artifact, "WG_BRIDGE_LIBRARY_ARCHITECTURE", /32 bits/);
  });

  it("finds that a library is an executable", () => {
    const other = Buffer.from(library);
    other.writeUInt16LE(2, 16); // e_type: ET_EXEC
    assertProblem(probeLibrary(file(other)), "WG_BRIDGE_LIBRARY_LOAD", /executable/);
  });

  it("finds that a library is a directory", () => {
    assertProblem(probeLibrary(directory), "WG_BRIDGE_LIBRARY_LOAD", /npm run build/);
  });

  it("finds that an executable is missing", () => {
    const artifact = probeExecutable({ WIREGUARD_GO_EXECUTABLE: join(directory, "none") });
    assertProblem(artifact, "WG_BRIDGE_EXECUTABLE_MISSING", /npm run build/);
  });

  it("finds that an executable may not be executed", () => {
    const artifact = probeExecutable({ WIREGUARD_GO_EXECUTABLE: file("#!/bin/sh\n") });
    assertProblem(artifact, "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE", /chmod \+x/);
  });

  it("finds that an executable is a directory", () => {
    const artifact = probeExecutable({ WIREGUARD_GO_EXECUTABLE: directory });
    assertProblem(artifact, "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE", /not a regular file/);
  });

  it("searches PATH for an executable without a slash", () => {
    const path = file("#!/bin/sh\n", 0o755);
    const env = { PATH: `/nowhere:${directory}`, WIREGUARD_GO_EXECUTABLE: "file" };
    assert.deepEqual(probeExecutable(env), { path });
    const missing = probeExecutable({ ...env, PATH: "/nowhere" });
    assertProblem(missing, "WG_BRIDGE_EXECUTABLE_MISSING", /WIREGUARD_GO_EXECUTABLE/);
  });
});
