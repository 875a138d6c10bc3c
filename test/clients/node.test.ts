import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { packageRoot } from "../../src/artifacts.js";
import { readMochaTests } from "../checks/mocha.js";
import { describeOn } from "../runtimes/installed.js";
import { onlyInSandbox } from "../sandbox.js";
import { missingPackage } from "./packages.js";

const run = promisify(execFile);

/** Newer ones than the oldest that is supported; the release check has all. */
const versions = ["24", "26"];

const mark = missingPackage("axios") || missingPackage("got") || missingPackage("undici-8");

for (const version of versions) {
  describeOn(["node", version], "in a userspace tunnel", ([node = ""]) => {
    onlyInSandbox();

    it(`has the same clients of the web${mark}`, async function () {
      if (mark !== "") this.skip();
      this.timeout(300_000);
      const directory = mkdtempSync(`${tmpdir()}/clients-`);
      const report = `${directory}/report.json`;
      const mocha = [`${packageRoot}/node_modules/mocha/bin/mocha.js`, "--reporter", "json"];
      const reporter = ["--reporter-option", `output=${report}`];
      const only = ["--grep", "the clients of the web", "dist/test/userspace/engine.test.js"];
      try {
        await run(node, [...mocha, ...reporter, ...only], { cwd: packageRoot });
        const { passed, failed, skips } = readMochaTests(readFileSync(report, "utf8"), "", 0);
        assert.deepEqual([failed, skips], [0, []]);
        assert.ok(passed >= 26, `${passed} passed`);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}
