import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { version as ownVersion } from "../src/artifacts.js";
import { abiVersion } from "../src/backends/ffi/loading.js";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
/** The pages that name the versions of Node.js and Go that a clone requires. */
const pages = ["README.md", "CONTRIBUTING.md"];

function read(path: string): string {
  return readFileSync(checkout + path, "utf8");
}

/** Returns what `pattern` captures at each match in a file, and fails without a match. */
function captured(path: string, pattern: RegExp): readonly string[] {
  const found = Array.from(read(path).matchAll(pattern), ([, text = ""]) => text);
  assert.notDeepEqual(found, [], `${path} does not match ${pattern}`);
  return found;
}

function capturedOnce(path: string, pattern: RegExp): string | undefined {
  const found = captured(path, pattern);
  assert.equal(found.length, 1, `${path} matches ${pattern} ${found.length} times`);
  return found[0];
}

describe("the version in package.json", () => {
  const { version, engines } = JSON.parse(read("package.json"));

  it("is what the command line prints", () => {
    const program = `${checkout}dist/src/cli/main.js`;
    const printed = execFileSync(process.execPath, [program, "--version"], { encoding: "utf8" });
    assert.equal(printed.split("\n")[0], `wg-bridge v${version}`);
  });

  it("is the same in the code, where a bundle has it", () => {
    assert.equal(ownVersion, version);
  });

  it("is the same in the lock file", () => {
    const lock = JSON.parse(read("package-lock.json"));
    assert.deepEqual([lock.version, lock.packages[""].version], [version, version]);
  });

  it("is the same in the manual page", () => {
    assert.equal(capturedOnce("man/wg-bridge.1", /^\.TH .*"wg\\-bridge (\S+)"/gm), version);
  });

  it("is the latest one in the changelog", () => {
    assert.equal(captured("CHANGELOG.md", /^## \[(.+?)\]/gm)[0], version);
  });

  it("of Node.js is the one that the pages name and that set-up requires", () => {
    const [, wanted = ""] = /^\^(\S+) \|\| /.exec(engines.node) ?? [];
    assert.equal(capturedOnce("scripts/setup", /node_wanted=(\S+)/g), wanted);
    for (const page of pages) {
      for (const named of captured(page, /Node\.js (\d[\d.]*\d) or newer/g)) {
        assert.equal(named, wanted.replace(/\.0$/, ""), page);
      }
    }
  });
});

describe("the version of Go in go.mod", () => {
  it("is the one that the pages name", () => {
    const wanted = capturedOnce("go.mod", /^go (\S+)$/gm);
    for (const page of pages) {
      for (const named of captured(page, /Go (\d[\d.]*\d) or newer/g)) {
        assert.equal(named, wanted?.replace(/\.0$/, ""), page);
      }
    }
  });
});

describe("the version of the library's C interface", () => {
  const folder = "cmd/wireguard_go_bridge";

  it("is the same in TypeScript and in Go", () => {
    assert.equal(capturedOnce(`${folder}/main.go`, /^const abiVersion = "(.+)"$/gm), abiVersion);
  });

  it("is the same in TypeScript and wherever the header names it", () => {
    const header = `${folder}/wireguard_go_bridge.h`;
    assert.equal(capturedOnce(header, /^ \* ABI version (\d+\.\d+\.\d+)\./gm), abiVersion);
    assert.equal(capturedOnce(header, /ABI version, such as "(.+?)"/g), abiVersion);
  });
});
