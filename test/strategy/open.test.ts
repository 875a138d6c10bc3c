import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onlyInSandbox } from "../sandbox.js";

const module = new URL("../../src/strategy/open.js", import.meta.url);

describe("the opening of a backend", () => {
  onlyInSandbox();

  let directory = "";
  let otherAbi = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-select-"));
    otherAbi = join(directory, "other.so");
    writeFileSync(
      `${otherAbi}.c`,
      "int wgAbiVersion(char *buffer, int size) { buffer[0] = '7'; return 1; }\n",
    );
    execFileSync("gcc", ["-shared", "-fPIC", "-o", otherAbi, `${otherAbi}.c`]);
  });

  after(() => rmSync(directory, { recursive: true }));

  // In a process of its own, because a loaded library stays loaded.
  function open(request: string, library: string): string {
    const env = { ...process.env, WIREGUARD_GO_BRIDGE_LIB_PATH: library };
    const code = `import { openBackend } from ${JSON.stringify(module.href)};
      const describe = ({ backend, reason, fallback }) => backend.kind + " " + reason + " " + fallback;
      console.log(await openBackend("${request}", process.env).then(describe, (error) => error.code));`;
    const args = ["--input-type=module", "-e", code];
    return execFileSync(process.execPath, args, { env, encoding: "utf8" });
  }

  it("uses ffi if the library loads", () => {
    assert.match(open("auto", ""), /^ffi auto prefers ffi.* false$/m);
  });

  it("falls back on exec for auto if the loaded library has another ABI", () => {
    assert.match(
      open("auto", otherAbi),
      /^exec auto falls back on exec: .*ABI version "7".* true$/m,
    );
  });

  it("fails for ffi in the same case", () => {
    assert.equal(open("ffi", otherAbi), "WG_BRIDGE_LIBRARY_ABI\n");
  });
});
