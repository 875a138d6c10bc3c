import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath, libraryPath } from "../../src/engine/files.js";
import { type Artifact, probe, probeExecutable, probeLibrary } from "../../src/strategy/probe.js";

/** Where an ELF header names the machine. */
const machineAt = 18;

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

  function assertProblem({ problem }: Artifact, code: string, message: string): void {
    assert.deepEqual([problem?.code, problem?.message], [code, message]);
  }

  async function assertLibrary(path: string, code: string, fact: string): Promise<void> {
    const artifact = await probeLibrary({ WIREGUARD_GO_BRIDGE_LIB_PATH: path });
    const another = "Name another with WIREGUARD_GO_BRIDGE_LIB_PATH, or leave that out.";
    assertProblem(artifact, `WG_BRIDGE_LIBRARY_${code}`, `The library ${path} ${fact}. ${another}`);
  }

  async function assertExecutable(path: string, code: string, fact: string): Promise<void> {
    const artifact = await probeExecutable({ WIREGUARD_GO_EXECUTABLE: path });
    const another = "Name another with WIREGUARD_GO_EXECUTABLE, or leave that out.";
    const message = `The executable ${path} ${fact}. ${another}`;
    assertProblem(artifact, `WG_BRIDGE_EXECUTABLE_${code}`, message);
  }

  it("finds nothing wrong with what was built", async () => {
    assert.deepEqual(await probe({}), {
      library: { path: libraryPath({}) },
      executable: { path: executablePath({}) },
    });
  });

  it("finds that a library is missing", async () => {
    const path = join(directory, "none.so");
    assertProblem(
      await probeLibrary({ WIREGUARD_GO_BRIDGE_LIB_PATH: path }),
      "WG_BRIDGE_LIBRARY_MISSING",
      `There is no library ${path}, which WIREGUARD_GO_BRIDGE_LIB_PATH names. Correct that, or leave it out.`,
    );
  });

  it("finds that a library is empty, truncated, or not an ELF file", async () => {
    await assertLibrary(file(""), "EMPTY", "is empty: its build or copy was interrupted");
    const path = file(library);
    truncateSync(path, library.length - 1);
    const truncated = "is truncated: parts that its header names are missing";
    await assertLibrary(path, "TRUNCATED", truncated);
    await assertLibrary(file("text"), "NOT_ELF", "is not an ELF file, and cannot be loaded");
  });

  it("finds that a library is built for another machine", async () => {
    const other = Buffer.from(library);
    other.writeUInt16LE(22, machineAt); // IBM S/390
    const fact = `is built for s390x, and this Node.js for ${process.arch}`;
    await assertLibrary(file(other), "ARCHITECTURE", fact);
  });

  it("finds that a library has 32 bits", async () => {
    const other = Buffer.from(library.subarray(0, 4096));
    other[4] = 1; // EI_CLASS: with zeros for the 32-bit tables
    other.fill(0, 28, 52);
    const artifact = await probeLibrary({ WIREGUARD_GO_BRIDGE_LIB_PATH: file(other) });
    assert.equal(artifact.problem?.code, "WG_BRIDGE_LIBRARY_ARCHITECTURE");
    assert.match(artifact.problem.message, /32 bits/);
  });

  it("finds that a library is an executable, or a directory", async () => {
    const other = Buffer.from(library);
    other.writeUInt16LE(2, 16); // e_type: ET_EXEC
    await assertLibrary(file(other), "LOAD", "is an executable, not a shared library");
    const fact = "cannot be read (EISDIR: illegal operation on a directory, read)";
    await assertLibrary(directory, "LOAD", fact);
  });

  it("finds that an executable is missing", async () => {
    const path = join(directory, "none");
    for (const missing of [path, `${file("")}/none`]) {
      assertProblem(
        await probeExecutable({ WIREGUARD_GO_EXECUTABLE: missing }),
        "WG_BRIDGE_EXECUTABLE_MISSING",
        `There is no executable ${missing}, which WIREGUARD_GO_EXECUTABLE names. Correct that, or leave it out.`,
      );
    }
  });

  it("searches PATH for an executable without a slash", async () => {
    const path = file("#!/bin/sh\n", 0o755);
    const env = { PATH: `/nowhere:${directory}`, WIREGUARD_GO_EXECUTABLE: "file" };
    assert.deepEqual(await probeExecutable(env), { path });
    assertProblem(
      await probeExecutable({ ...env, PATH: "/nowhere" }),
      "WG_BRIDGE_EXECUTABLE_MISSING",
      "There is no executable file on PATH, which WIREGUARD_GO_EXECUTABLE names. Correct that, or leave it out.",
    );
  });

  it("finds that an executable may not be executed, and leaves the mode of a named one alone", async () => {
    const path = file("#!/bin/sh\n", 0o640);
    assertProblem(
      await probeExecutable({ WIREGUARD_GO_EXECUTABLE: path }),
      "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE",
      `The executable ${path} may not be executed. Run "chmod 750 ${path}" as its owner.`,
    );
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  it("finds that an executable is a directory", async () => {
    await assertExecutable(directory, "NOT_EXECUTABLE", "is not a regular file");
  });

  it("lets /bin/sh interpret only scripts that say so", async () => {
    assert.equal(
      (await probeExecutable({ WIREGUARD_GO_EXECUTABLE: file("#!/bin/sh\n", 0o755) })).problem,
      undefined,
    );
    const neither = "is neither an ELF file nor a script that begins with #!";
    await assertExecutable(file("exit 0\n", 0o755), "NOT_EXECUTABLE", neither);
    await assertExecutable(file("", 0o755), "NOT_EXECUTABLE", "is empty");
    const half = readFileSync(executablePath({})).subarray(0, 100_000);
    const truncated = "is truncated: parts that its header names are missing";
    await assertExecutable(file(half, 0o755), "NOT_EXECUTABLE", truncated);
  });

  it("finds that an executable is built for another machine, or one of the other byte order", async () => {
    const other = readFileSync(executablePath({}));
    other.writeUInt16LE(243, machineAt); // RISC-V
    const fact = `is built for riscv64, and this machine is ${process.arch}`;
    await assertExecutable(file(other, 0o755), "ARCHITECTURE", fact);
    // A header alone, of this machine's family with big-endian numbers.
    const header = Buffer.alloc(64);
    header.write("\x7fELF\x02\x02\x01", "latin1");
    header.writeUInt16BE(2, 16); // e_type: ET_EXEC
    header.writeUInt16BE(readFileSync(executablePath({})).readUInt16LE(machineAt), machineAt);
    const big = `is built for ${process.arch} (BE), and this machine is ${process.arch}`;
    await assertExecutable(file(header, 0o755), "ARCHITECTURE", big);
  });

  it("names the option that names a file, and not the variable that it wins over", async () => {
    const env = { WIREGUARD_GO_EXECUTABLE: "/no", WIREGUARD_GO_BRIDGE_LIB_PATH: "/no.so" };
    const found = await probe(env, { library: "/none.so", executable: "/none" });
    const correct = "Correct that, or leave it out.";
    const library = `There is no library /none.so, which the option library names. ${correct}`;
    const executable = `There is no executable /none, which the option executable names. ${correct}`;
    assertProblem(found.library, "WG_BRIDGE_LIBRARY_MISSING", library);
    assertProblem(found.executable, "WG_BRIDGE_EXECUTABLE_MISSING", executable);
  });
});
