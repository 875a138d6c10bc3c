import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { describeWith } from "../cli/programs.js";
import { blocksIn } from "../docs/blocks.js";
import { onlyInSandbox } from "../sandbox.js";

describeWith("systemd-analyze", "the service of the proxy's page", () => {
  onlyInSandbox();
  let directory = "";

  before(() => {
    // The machine has a /tmp of its own.
    directory = mkdtempSync(join(packageRoot, "build/service-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  it("runs under systemd", function () {
    this.timeout(420_000);
    const page = readFileSync(`${packageRoot}/docs/proxy.md`, "utf8");
    const unit = blocksIn("proxy.md", page).find(({ code }) => code.includes("ExecStart="));
    assert.ok(unit);
    writeFileSync(`${directory}/wg-proxy.service`, unit.code);
    const command = ["test/systemd/proxy.sh", `${directory}/wg-proxy.service`];
    const options = { cwd: packageRoot, encoding: "utf8", timeout: 400_000 } as const;
    const result = spawnSync("test/systemd/machine.sh", command, options);
    if (result.status === 77 && this.test) {
      this.test.title += ` [skipped: ${result.stdout.trim().split("\n").at(-1)}]`;
      this.skip();
    }
    assert.equal(result.status, 0, result.stdout + result.stderr);
  });
});
