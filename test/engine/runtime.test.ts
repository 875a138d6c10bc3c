import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireLibraryRuntime } from "../../src/engine/runtime.js";
import { hasCode } from "../error-code.js";

/** An ELF program that names a loader. */
function program(loader: string): Buffer {
  const at = 120;
  const file = Buffer.alloc(at + loader.length + 1);
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeBigUInt64LE(64n, 32); // e_phoff
  file.writeUInt16LE(56, 54); // e_phentsize
  file.writeUInt16LE(1, 56); // e_phnum
  file.writeUInt32LE(3, 64); // PT_INTERP
  file.writeBigUInt64LE(BigInt(at), 64 + 8);
  file.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 32);
  file.write(loader, at, "latin1");
  return file;
}

describe("the runtime that is to have a Go library", () => {
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-runtime-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  function runtime(loader: string, versions = {}): Parameters<typeof requireLibraryRuntime>[0] {
    const path = join(directory, "node");
    writeFileSync(path, program(loader));
    return { path, versions };
  }

  it("may be this one, or one that cannot be examined", () => {
    requireLibraryRuntime();
    requireLibraryRuntime(runtime("/lib64/ld-linux-x86-64.so.2", { deno: "2.9.6" }));
    requireLibraryRuntime({ path: join(directory, "none"), versions: {} });
  });

  it("may not run on musl", () => {
    assert.throws(
      () => requireLibraryRuntime(runtime("/lib/ld-musl-aarch64.so.1")),
      hasCode("WG_BRIDGE_LIBRARY_MUSL"),
    );
  });

  it("may not be Bun", () => {
    assert.throws(
      () => requireLibraryRuntime(runtime("/lib64/ld-linux-x86-64.so.2", { bun: "1.4.5" })),
      /^WgBridgeError: Bun 1\.4\.5 cannot .* Use --backend=exec/,
    );
  });
});
