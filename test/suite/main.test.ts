import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

describe("a suite with wrong arguments", () => {
  for (const [suite, script, words, sentence] of [
    ["field", "field", ["speed"], "Say what to measure, memory or congestion."],
    ["faults", "faults", ["--only", "nobody"], "--only names no program nobody: there are exec, "],
    [
      "machines",
      "release-check",
      ["--only", "no"],
      "--only names no row no: there are changelog, ",
    ],
  ] as const) {
    it(`says what is wrong, prints its usage and exits with 2: ${script}`, () => {
      const main = `${packageRoot}/dist/test/${suite}/main.js`;
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
        encoding: "utf8",
      });
      assert.equal(status, 2);
      assert.ok(stderr.startsWith(sentence), stderr);
      assert.match(stderr, new RegExp(`^usage: scripts/${script} `, "m"));
      assert.equal(stdout, "");
    });
  }
});
