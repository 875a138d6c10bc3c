import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../../test/sandbox.js";

describe("test/test.sh", () => {
  onlyInSandbox();

  let clone: string;
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(`${clone}/test/test.sh`, args, {
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  const netns = (script: string) =>
    writeFileSync(`${clone}/test/netns.sh`, `#!/bin/bash\n${script}\n`, { mode: 0o755 });

  beforeEach(() => {
    clone = mkdtempSync(`${tmpdir()}/a clone `);
    for (const directory of ["test", "scripts", "dist/src/cli"]) {
      mkdirSync(`${clone}/${directory}`, { recursive: true });
    }
    writeFileSync(`${clone}/dist/src/cli/main.js`, "");
    for (const file of ["test/test.sh", "scripts/sandbox"]) {
      cpSync(`${packageRoot}/${file}`, `${clone}/${file}`);
    }
  });

  afterEach(() => rmSync(clone, { recursive: true }));

  it("passes netns.sh a program that survives word splitting, wherever the clone is", () => {
    writeFileSync(`${clone}/a *program?`, '#!/bin/sh\nprintf "%s|" "$@"\n', { mode: 0o755 });
    netns("$1 wg1");
    const { status, stdout } = run(`${clone}/a *program?`, "--option");
    assert.deepEqual({ status, stdout }, { status: 0, stdout: "--option|wg1|" });
  });

  it("passes it wg-bridge with the given backend, or with ffi", () => {
    netns('echo "$1"');
    assert.match(run("exec").stdout, /\/node \S+ --backend=exec\n$/);
    assert.match(run("ffi").stdout, /\/node \S+ --backend=ffi\n$/);
    assert.match(run().stdout, /\/node \S+ --backend=ffi\n$/);
  });

  it("runs it in a sandbox, where the only interface is the loopback", () => {
    netns("ip -brief link | cut -d' ' -f1");
    assert.equal(run("exec").stdout, "lo\n");
  });

  it("prints output and errors as one stream, and has netns.sh's exit status", () => {
    netns("echo one; echo two >&2; echo three; exit 7");
    const { status, stdout } = run("exec");
    assert.deepEqual({ status, stdout }, { status: 7, stdout: "one\ntwo\nthree\n" });
  });

  it("says how to make netns.sh if it is missing", () => {
    const { status, stderr } = run("exec");
    assert.equal(status, 1);
    assert.match(stderr, /run scripts\/netns/);
  });

  it("refuses an argument that is neither a backend nor a path", () => {
    netns("exit 0");
    const { status, stderr } = run("wireguard-go");
    assert.equal(status, 2);
    assert.match(stderr, /^usage: /);
  });
});
