import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { elfHeadBytes, parseElf, readElf } from "../../src/engine/elf.js";
import { onlyInSandbox } from "../sandbox.js";

/** Byte offsets in an ELF header. Source: elf(5). */
const classAt = 4;
const machineAt = 18;

describe("an ELF file", () => {
  onlyInSandbox();

  let directory = "";
  let library: Buffer;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-elf-"));
    const source = join(directory, "x.c");
    const built = join(directory, "x.so");
    writeFileSync(source, "int x(void) { return 1; }\n");
    execFileSync("gcc", ["-shared", "-fPIC", "-o", built, source]);
    library = readFileSync(built);
  });

  after(() => rmSync(directory, { recursive: true }));

  function parse(bytes: Uint8Array): ReturnType<typeof parseElf> {
    return parseElf(bytes.subarray(0, elfHeadBytes), bytes.length);
  }

  function patched(at: number, value: number): Buffer {
    const copy = Buffer.from(library);
    copy[at] = value;
    return copy;
  }

  it("is a shared library for this machine if gcc built it here", () => {
    assert.deepEqual(parse(library), {
      architecture: process.arch,
      endianness: endianness(),
      shared: true,
      interpreter: undefined,
    });
  });

  it("names its loader if it is a program", () => {
    const node = parse(readFileSync(process.execPath));
    assert.ok(typeof node === "object");
    assert.match(node.interpreter ?? "", /ld-/);
  });

  it("names its loader even if that lies beyond the head, as patchelf leaves it", () => {
    const moved = join(directory, "moved");
    const interpreter = "/nix/store/xyz/lib/ld-musl-x86_64.so.1\0";
    const offset = 0x12345;
    const program = Buffer.alloc(offset + interpreter.length);
    program.set(library.subarray(0, 64));
    program.fill(0, 40, 48); // e_shoff
    program.fill(0, 60, 62); // e_shnum
    program.writeUInt16LE(1, 56); // e_phnum
    const header = Number(program.readBigUInt64LE(32));
    program.writeUInt32LE(3, header); // PT_INTERP
    program.writeBigUInt64LE(BigInt(offset), header + 8);
    program.writeBigUInt64LE(BigInt(interpreter.length), header + 32);
    program.write(interpreter, offset, "latin1");
    writeFileSync(moved, program);
    const elf = readElf(moved);
    assert.ok(typeof elf === "object");
    assert.equal(elf.interpreter, interpreter.slice(0, -1));
    assert.equal(parse(program.subarray(0, -1)), "truncated");
    // A length that no path has is not read.
    program.writeBigUInt64LE(4097n, header + 32);
    writeFileSync(moved, Buffer.concat([program, Buffer.alloc(5000)]));
    const endless = readElf(moved);
    assert.ok(typeof endless === "object");
    assert.equal(endless.interpreter, undefined);
  });

  it("is truncated wherever it is cut after its magic number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: library.length - 1 }), (length) => {
        assert.equal(parse(library.subarray(0, length)), "truncated");
      }),
    );
  });

  it("is truncated without its last segment's bytes, even if it has no section headers", () => {
    const copy = Buffer.from(library);
    copy.fill(0, 40, 48); // e_shoff
    copy.fill(0, 60, 62); // e_shnum
    assert.ok(typeof parse(copy) === "object");
    assert.equal(parse(copy.subarray(0, 8192)), "truncated");
  });

  it("is not recognised if it is empty or begins otherwise", () => {
    assert.equal(parse(Buffer.alloc(0)), "empty");
    assert.equal(parse(Buffer.from("#!/bin/sh\n")), "not-elf");
    assert.equal(parse(library.subarray(0, 3)), "not-elf");
    assert.equal(parse(patched(classAt, 9)), "not-elf");
  });

  it("names the machine that it is built for", () => {
    const names = [183, 243, 21, 77].map((machine) => {
      const elf = parse(patched(machineAt, machine));
      return typeof elf === "object" ? elf.architecture : elf;
    });
    assert.deepEqual(names, ["arm64", "riscv64", "ppc64", "machine 77, 64 bits"]);
  });

  it("has the 32-bit layout if it says so", () => {
    const header = Buffer.alloc(52);
    header.write("\x7fELF\x01\x01\x01", "latin1");
    header.writeUInt16LE(3, 16); // e_type
    header.writeUInt16LE(3, 18); // e_machine
    assert.deepEqual(parse(header), {
      architecture: "ia32",
      endianness: "LE",
      shared: true,
      interpreter: undefined,
    });
  });

  it("never makes the parser fail, whatever its bytes", () => {
    const edits = fc.array(fc.tuple(fc.nat(8191), fc.nat(255)), { maxLength: 40 });
    fc.assert(
      fc.property(edits, (changes) => {
        const copy = Buffer.from(library);
        for (const [at, value] of changes) copy[at] = value;
        const result = parse(copy);
        assert.ok(typeof result === "object" || ["not-elf", "truncated"].includes(result));
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => parse(bytes) !== undefined));
  });
});
