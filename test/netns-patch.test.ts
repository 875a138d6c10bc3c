import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { packageRoot } from "../src/artifacts.js";
import { onlyInSandbox } from "./sandbox.js";

const diff = `${packageRoot}/test/netns_upstream.diff`;

/** The lines that the container patch changes: upstream's and ours. */
const patchedLines = [
  [
    `    printf "$orig_message_cost" > /proc/sys/net/core/message_cost`,
    `    printf "$orig_message_cost" > /proc/sys/net/core/message_cost 2>/dev/null || true`,
  ],
  [
    `orig_message_cost="$(< /proc/sys/net/core/message_cost)"`,
    `orig_message_cost="$(cat /proc/sys/net/core/message_cost 2>/dev/null || echo 0)"`,
  ],
  [
    `printf 0 > /proc/sys/net/core/message_cost`,
    `printf 0 > /proc/sys/net/core/message_cost 2>/dev/null || true`,
  ],
];

function output(program: string, args: readonly string[] = []): string {
  return execFileSync(program, args, { cwd: packageRoot, encoding: "utf8" });
}

function upstreamsScript(): Buffer {
  const module = "golang.zx2c4.com/wireguard";
  const directory = output("go", ["list", "-m", "-f", "{{.Dir}}", module]).trim();
  return readFileSync(`${directory}/tests/netns.sh`);
}

describe("scripts/netns", () => {
  onlyInSandbox();

  let clone: string;
  const made = (name: string) => readFileSync(`${clone}/test/${name}`);

  before(() => {
    // The clone's path has spaces, and it is inside another repository.
    const repository = mkdtempSync(`${tmpdir()}/netns `);
    output("git", ["init", "--quiet", repository]);
    clone = `${repository}/a clone`;
    mkdirSync(`${clone}/test`, { recursive: true });
    mkdirSync(`${clone}/scripts`);
    for (const file of ["go.mod", "go.sum", "scripts/netns", "test/netns_upstream.diff"]) {
      cpSync(`${packageRoot}/${file}`, `${clone}/${file}`);
    }
    output(`${clone}/scripts/netns`);
  });

  after(() => rmSync(dirname(clone), { recursive: true }));

  it("copies upstream's script from the pinned Go module, byte for byte", () => {
    assert.deepEqual(made("netns_upstream.sh"), upstreamsScript());
  });

  it("patches exactly three lines, those about message_cost", () => {
    const before = upstreamsScript().toString().split("\n");
    const after = made("netns.sh").toString().split("\n");
    assert.equal(after.length, before.length);
    const changed = before.flatMap((line, index) =>
      line === after[index] ? [] : [[line, after[index]]],
    );
    assert.deepEqual(changed, patchedLines);
  });

  it("makes the same files when it runs again", () => {
    const first = made("netns.sh");
    output(`${clone}/scripts/netns`);
    assert.deepEqual(made("netns.sh"), first);
    assert.deepEqual(made("netns_upstream.sh"), upstreamsScript());
  });

  it("leaves the scripts executable and nothing else behind", () => {
    output("test", ["-x", `${clone}/test/netns.sh`]);
    output("test", ["-x", `${clone}/test/netns_upstream.sh`]);
    assert.equal(output("ls", [`${clone}/build`]), "");
  });

  it("regenerates the committed diff", () => {
    assert.equal(output("scripts/netns", ["--diff"]), readFileSync(diff, "utf8"));
  });

  it("made the scripts that the comparison runs in this directory", () => {
    assert.deepEqual(readFileSync(`${packageRoot}/test/netns.sh`), made("netns.sh"));
    assert.deepEqual(readFileSync(`${packageRoot}/test/netns_upstream.sh`), upstreamsScript());
  });

  it("keeps upstream's script out of the repository", () => {
    const ignored = readFileSync(`${packageRoot}/.gitignore`, "utf8").split("\n");
    assert.ok(ignored.includes("test/netns.sh"));
    assert.ok(ignored.includes("test/netns_upstream.sh"));
  });
});
