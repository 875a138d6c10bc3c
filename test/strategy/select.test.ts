import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onlyInSandbox } from "../sandbox.js";

const module = new URL("../../src/strategy/select.js", import.meta.url);

describe("the selection of a backend", () => {
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

  // A process of its own: what is loaded stays.
  function select(request: string, library: string): string {
    const env = { ...process.env, WIREGUARD_GO_BRIDGE_LIB_PATH: library };
    const code = `import { selectBackend } from ${JSON.stringify(module.href)};
      const said = ({ backend, choice }) => backend + " " + choice.reason;
      console.log(await selectBackend("${request}", process.env).then(said, (error) => error.code));`;
    const args = ["--input-type=module", "-e", code];
    return execFileSync(process.execPath, args, { env, encoding: "utf8" });
  }

  it("is ffi where the library loads", () => {
    assert.match(select("auto", ""), /^ffi auto prefers ffi/);
  });

  it("falls back on exec for auto where the library, once loaded, is of another ABI", () => {
    assert.match(select("auto", otherAbi), /^exec auto falls back on exec: .*ABI version "7"/);
  });

  it("fails for ffi in the same case", () => {
    assert.equal(select("ffi", otherAbi), "WG_BRIDGE_LIBRARY_ABI\n");
  });
});
