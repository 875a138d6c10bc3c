import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../sandbox.js";

const changed = "chacha20poly1305/chacha20poly1305_amd64.go";

describe("scripts/crypto", () => {
  onlyInSandbox();

  let root = "";

  beforeEach(() => {
    root = mkdtempSync(`${tmpdir()}/wg-bridge-crypto-`);
    for (const path of ["scripts/crypto", "go/cipher", "go.mod", "go.sum"]) {
      cpSync(`${packageRoot}/${path}`, `${root}/${path}`, { recursive: true });
    }
  });
  afterEach(() => {
    execFileSync("chmod", ["-R", "u+w", root]);
    rmSync(root, { recursive: true });
  });

  function run(environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...environment };
    const { status, stdout, stderr } = spawnSync("scripts/crypto", {
      cwd: root,
      encoding: "utf8",
      env,
    });
    return { status, stdout, stderr };
  }

  /** Puts another x/crypto in the place of the one that go.mod names. */
  function replaceModule(file: string | undefined): void {
    mkdirSync(`${root}/other/chacha20poly1305`, { recursive: true });
    writeFileSync(`${root}/other/go.mod`, "module golang.org/x/crypto\n");
    writeFileSync(`${root}/other/chacha20poly1305/other.go`, "package chacha20poly1305\n");
    if (file !== undefined) writeFileSync(`${root}/other/${changed}`, file);
    execFileSync("go", ["mod", "edit", "-replace=golang.org/x/crypto=./other"], { cwd: root });
  }

  it("changes the names of two functions, adds ours, and replaces the module by that", () => {
    const { status, stdout, stderr } = run();
    assert.equal(status, 0, stderr);
    const module = execFileSync("go", ["list", "-m", "-f", "{{.Dir}}", "golang.org/x/crypto"], {
      cwd: root,
      encoding: "utf8",
    }).trim();
    const modfile = stdout.trim();
    assert.match(modfile, /^build\/crypto\/v[\d.]+-[0-9a-f]{12}\/go\.mod$/);
    const copy = modfile.replace(/go\.mod$/, "crypto");
    const { stdout: differences } = spawnSync("diff", ["-r", module, copy], {
      cwd: root,
      encoding: "utf8",
    });
    const lines = differences.split("\n").filter((line) => /^([<>]|Only) /.test(line));
    assert.deepEqual(
      lines.map((line) => line.replace(/\(dst.*/, "").replace(/ in .*: /, " in the copy: ")),
      [
        "Only in the copy: avx512_amd64.go",
        "< func (c *chacha20poly1305) seal",
        "> func (c *chacha20poly1305) sealOwn",
        "< func (c *chacha20poly1305) open",
        "> func (c *chacha20poly1305) openOwn",
      ],
    );
    const text = readFileSync(`${root}/${modfile}`, "utf8");
    assert.equal(
      text,
      `${readFileSync(`${root}/go.mod`, "utf8")}\nreplace golang.org/x/crypto => ./${copy}\n`,
    );
  });

  it("makes it once, and anew if what it is made from has changed", () => {
    const first = run().stdout.trim();
    writeFileSync(`${root}/${first}`, "as it was");
    assert.equal(run().stdout.trim(), first);
    assert.equal(readFileSync(`${root}/${first}`, "utf8"), "as it was");
    writeFileSync(`${root}/go/cipher/_crypto/avx512_amd64.go`, "package other\n");
    const second = run().stdout.trim();
    assert.notEqual(second, first);
    const copied = second.replace(/go\.mod$/, "crypto/chacha20poly1305/avx512_amd64.go");
    assert.equal(readFileSync(`${root}/${copied}`, "utf8"), "package other\n");
  });

  it("leaves no half of an old copy in its place if deleting it is interrupted", () => {
    const first = run().stdout.trim();
    const ours = `${root}/go/cipher/_crypto/avx512_amd64.go`;
    const text = readFileSync(ours, "utf8");
    writeFileSync(ours, "package other\n");
    mkdirSync(`${root}/bin`);
    // Deletes a part of what it is given.
    const rm =
      '#!/bin/sh\nshift\nfind "$@" -name "chacha20poly1305*.go" -exec unlink {} ";"\nexit 1\n';
    writeFileSync(`${root}/bin/rm`, rm, { mode: 0o755 });
    run({ PATH: `${root}/bin:${process.env.PATH}` });
    writeFileSync(ours, text);
    assert.equal(run().stdout.trim(), first);
    readFileSync(`${root}/${first.replace(/go\.mod$/, "crypto")}/${changed}`);
  });

  it("fails if go.sum does not list the module, and leaves go.sum alone", () => {
    const sums = readFileSync(`${root}/go.sum`, "utf8").replace(
      /^golang\.org\/x\/crypto .* h1:.*\n/m,
      "",
    );
    writeFileSync(`${root}/go.sum`, sums);
    const { status, stdout, stderr } = run({ GONOSUMDB: "*", GOFLAGS: "-mod=mod" });
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /missing go\.sum entry/);
    assert.equal(readFileSync(`${root}/go.sum`, "utf8"), sums);
  });

  for (const [title, file, digest] of [
    ["has changed", "package chacha20poly1305\n", /[0-9a-f]{64}/],
    ["is gone", undefined, /the file is gone/],
  ] as const) {
    it(`fails with a sentence if the file that it changes ${title}`, () => {
      replaceModule(file);
      const { status, stdout, stderr } = run();
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^golang\.org\/x\/crypto \S+ has another \S+_amd64\.go than .*\.\n$/);
      assert.match(stderr, digest);
    });
  }
});
