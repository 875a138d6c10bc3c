import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { asRoot } from "../../../src/cli/wg-quick.js";
import { onlyInSandbox } from "../../sandbox.js";

describe("the command that root has to run", () => {
  onlyInSandbox();

  let directory = "";
  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-sudo-`);
    const sudo = '#!/bin/sh\nshift\nexec env -i PATH=/usr/bin:/bin "$@"\n';
    writeFileSync(`${directory}/sudo`, sudo, { mode: 0o755 });
  });
  after(() => rmSync(directory, { recursive: true }));

  it("is the command itself for root", () => {
    assert.deepEqual(asRoot(["wg-quick", "up", "x"], {}, true), ["wg-quick", "up", "x"]);
  });

  it("passes sudo the variables that a tunnel needs, and no others", () => {
    const env = {
      PATH: `${directory}:/usr/bin:/bin`,
      WG_QUICK_USERSPACE_IMPLEMENTATION: "wg_bridge",
      "BASH_FUNC_wg_bridge%%": "() { echo \"ran with '$1'\"\n}",
      WG_BRIDGE_BACKEND: "exec",
      WG_BRIDGE_DISABLE: "uso",
      SECRET: "secret",
    };
    const script =
      'wg_bridge wg0; echo "$WG_BRIDGE_BACKEND $WG_BRIDGE_DISABLE $SECRET"; echo "$PATH"';
    const [program = "", ...words] = asRoot(["bash", "--norc", "-c", script], env, false);
    assert.equal(program, `${directory}/sudo`);
    const { stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
    assert.equal(stderr, "");
    assert.equal(stdout, `ran with 'wg0'\nexec uso \n${env.PATH}\n`);
  });

  it("is an error if there is no sudo", () => {
    assert.throws(() => asRoot(["wg-quick"], { PATH: "/nowhere" }, false), {
      code: "WG_BRIDGE_PERMISSION",
    });
  });
});
